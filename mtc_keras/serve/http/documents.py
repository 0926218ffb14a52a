"""The OpenAPI document as a page for people, which loads nothing from anywhere."""

import json
from collections.abc import Mapping
from typing import Any

from mtc_keras.pages.styling import digest, style

OWN_STYLE = """
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h3 { margin-top: 2rem; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 0.75rem; border: 1px solid; }
summary { cursor: pointer; }
"""
TEMPLATE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ document.info.title }}: how to ask it</title>
<style>{{ style }}</style>
</head>
<body>
<main>
<h1>{{ document.info.title }}</h1>
<p>{{ document.info.description }}</p>
<p>The same for programs: <a href="openapi.json">openapi.json</a>. A path asks the newest
version; with <code>/versions/N</code> behind the model's name, version N, if it is served.</p>
{% for tag, operations in groups.items() %}
<h2>{{ tag }}</h2>
{% for operation in operations %}
<h3><code>{{ operation.method }} {{ operation.path }}</code></h3>
<p>{{ operation.summary }}</p>
{% for example in operation.examples %}
<p>{{ example.name }}:</p>
<pre tabindex="0">{{ example.command }}</pre>
{% endfor %}
{% if operation.schema %}
<details><summary>What the body may hold</summary>
<pre tabindex="0">{{ operation.schema }}</pre></details>
{% endif %}
{% endfor %}
{% endfor %}
</main>
</body>
</html>
"""
VERSION = "/versions/{version}"  # in a path, whose operation is that of the path without it


def documents_html(document: Mapping[str, Any], address: str, *, takes_pairs: bool = False) -> str:
    """Returns a page of an OpenAPI document: its operations, with examples as commands.

    Args:
        document: the document.
        address: str. That of the server, such as `"http://127.0.0.1:8501"`.
        takes_pairs: bool. Whether the model reads text pairs: examples that it answers are shown.
    """
    from jinja2 import Environment
    from markupsafe import Markup

    needs_token = "security" in document
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if VERSION not in path:
                shown = _operation(method.upper(), path, operation)
                shown["examples"] = [
                    {"name": name, "command": curl(f"{address}{shown['path']}", value, needs_token)}
                    for name, value in shown["examples"].items()
                    if ("pair" in name) == takes_pairs
                ]
                groups.setdefault(operation["tags"][0], []).append(shown)
    template = Environment(autoescape=True).from_string(TEMPLATE)
    return template.render(document=document, groups=groups, style=Markup(_style()))


def headers() -> dict[str, str]:
    """Returns the headers of that page, by which it may load nothing and not be framed."""
    policy = (
        f"default-src 'none'; style-src {digest(_style())}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return {
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "x-frame-options": "DENY",
    }


def _style() -> str:
    return style() + OWN_STYLE


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    for parameter in operation["parameters"]:
        if "enum" in parameter["schema"]:  # the model's name
            path = path.replace(f"{{{parameter['name']}}}", parameter["schema"]["enum"][0])
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    examples = {name: example["value"] for name, example in body.get("examples", {}).items()}
    schema = json.dumps(body["schema"], indent=2) if body else ""
    shown = {"method": method, "path": path, "summary": operation["summary"]}
    return {**shown, "examples": examples, "schema": schema}


def curl(url: str, body: Any, needs_token: bool = False) -> str:
    """Returns the command that sends a body, with a token of the shell's variable `TOKEN`."""
    text = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    header = '-H "Authorization: Bearer $TOKEN" ' if needs_token else ""
    return f"curl {url} {header}-d '{text}'"
