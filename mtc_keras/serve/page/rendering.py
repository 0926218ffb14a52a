"""The page on which a person tries a model: one HTML whose style and script stand in it.

It asks nothing but the JSON endpoints of its server, by addresses relative to its own, so that a
proxy may put both under a prefix.
"""

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import mtc_keras
from mtc_keras.pages.names import seen
from mtc_keras.pages.styling import asset, digest, style

if TYPE_CHECKING:
    from jinja2 import Template

PACKAGE = "mtc_keras.serve.page"
# In this order they are one module of JavaScript: each uses names of those before it.
SCRIPTS = (
    *("elements", "server", "asking", "form"),
    *("words", "bars", "tasks", "lines", "answers", "page"),
)
# A policy in the page itself cannot say who may frame it.
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": "frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)


def page_html(model: str, server: str = "") -> str:
    """Returns the page of a model.

    Args:
        model: the name under which the model is served.
        server: the server's address, such as `"https://models.example"`, for a copy of the page
            that lies elsewhere; that server must allow the copy's origin (CORS). Default: the
            page lies at the root of its server.
    """
    from markupsafe import Markup

    css = style() + asset(PACKAGE, "assets/style.css")
    script = "".join(asset(PACKAGE, f"assets/{name}.js") for name in SCRIPTS)
    server = server.rstrip("/")
    asked = "{0.scheme}://{0.netloc}".format(urlsplit(server)) if server else "'self'"
    policy = (
        f"default-src 'none'; style-src {digest(css)}; script-src {digest(script)}; "
        f"connect-src {asked}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return _template().render(
        model=model,
        title=seen(model),
        server=server,
        documents=f"{server}/docs" if server else "docs",
        policy=policy,
        generator=f"mtc-keras {mtc_keras.__version__}",
        style=Markup(css),
        script=Markup(script),
    )


@functools.cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    return environment.from_string(asset(PACKAGE, "assets/index.html"))
