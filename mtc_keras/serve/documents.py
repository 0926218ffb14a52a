"""The OpenAPI document as a page for people, which loads nothing from anywhere."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

STYLE = """\
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; }
h3 { margin-top: 2rem; overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9rem; }
pre { overflow-x: auto; padding: 0.75rem; border: 1px solid; border-radius: 0.3rem; }
summary { cursor: pointer; }
"""
_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}
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
<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>
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
ADDRESS = "http://127.0.0.1:8501"


def documents_html(document: Mapping[str, Any]) -> str:
    """Returns a page of an OpenAPI document: its operations, with examples as commands."""
    from jinja2 import Environment
    from markupsafe import Markup

    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            shown = _operation(method.upper(), path, operation)
            groups.setdefault(operation["tags"][0], []).append(shown)
    template = Environment(autoescape=True).from_string(TEMPLATE)
    return template.render(document=document, groups=groups, style=Markup(STYLE))


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    for parameter in operation.get("parameters", ()):
        if "enum" in parameter["schema"]:  # the model's name
            path = path.replace(f"{{{parameter['name']}}}", parameter["schema"]["enum"][0])
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    examples = [
        {"name": name, "command": curl(path.replace("{version}", "1"), example["value"])}
        for name, example in body.get("examples", {}).items()
    ]
    schema = json.dumps(body["schema"], indent=2) if body else ""
    shown = {"method": method, "path": path, "summary": operation["summary"]}
    return {**shown, "examples": examples, "schema": schema}


def curl(path: str, body: Any) -> str:
    """Returns the command that sends a body to a path."""
    text = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    return f"curl {ADDRESS}{path} -d '{text}'"
