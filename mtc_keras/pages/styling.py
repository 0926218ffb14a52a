"""What all pages look like, as CSS that stands in them, and the hashes that policies allow."""

import base64
import functools
import hashlib
from importlib import resources

from mtc_keras.pages.colours import DARK, LIGHT, css_variables


@functools.cache
def style() -> str:
    """Returns the colours in light and dark, and the style of everything that pages share."""
    light, dark = css_variables(LIGHT), css_variables(DARK)
    return (
        f":root {{ {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
        f"{asset('mtc_keras.pages', 'templates/page.css')}"
    )


@functools.cache
def asset(package: str, name: str) -> str:
    """Returns a text file that a package brings."""
    return resources.files(package).joinpath(name).read_text("utf-8")


def digest(text: str) -> str:
    """Returns the source expression of a Content-Security-Policy that allows this very text."""
    sha256 = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(sha256).decode('ascii')}'"
