"""Routes, and what the OpenAPI document says of them."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import mtc_keras

Handler = Callable[[Request], Awaitable[Response]]
VERSIONS = ("", "/versions/{version:model}")  # of a path: the newest version, or a certain one
OBJECT: Mapping[str, Any] = {"type": "object"}
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "What is wrong, and where."}},
}


class _ModelName(StringConvertor):
    """A name in a path, which a `:` ends, as of `/v1/models/NAME:predict`."""

    regex = "[^/:]+"


register_url_convertor("model", _ModelName())


@dataclass(frozen=True)
class Body:
    """What a request must hold.

    Args:
        schema: JSON Schema.
        examples: requests by name. Those of names with `pair` are for models of text pairs, the
            others for models of single texts; a test sends each.
    """

    schema: Mapping[str, Any]
    examples: Mapping[str, Any] = field(default_factory=dict)


class Routes:
    """The routes of a protocol.

    Args:
        tag: str. What the document calls the protocol.
        model: str. The name of the model, the only one that is served.

    Attributes:
        routes: the `Route`s.
        paths: what the document says of them.
    """

    def __init__(self, tag: str, model: str) -> None:
        self.tag, self.model = tag, model
        self.routes: list[Route] = []
        self.paths: dict[str, dict[str, Any]] = {}

    def add(
        self,
        method: str,
        path: str,
        handler: Handler,
        *,
        summary: str,
        answer: Mapping[str, Any] = OBJECT,
        body: Body | None = None,
        media_type: str = "application/json",
    ) -> None:
        """Adds a route.

        Args:
            method: str. `"GET"`, by which HEAD is answered, too, or `"POST"`.
            path: str. It may have the parameters `{name:model}` and `{version:model}`.
            handler: answers a request.
            summary: str. What it answers.
            answer: JSON Schema of its answer.
            body: optional `Body`.
            media_type: str. That of its answer.
        """
        self.routes.append(Route(path, handler, methods=[method]))
        schemas = {
            "name": {"type": "string", "enum": [self.model]},
            "version": {"type": "string", "pattern": "^[0-9]{1,18}$"},
        }
        parameters = re.findall(r"{(\w+)", path)
        errors = {"application/json": {"schema": ERROR}}
        operation: dict[str, Any] = {
            "tags": [self.tag],
            "summary": summary,
            "operationId": "_".join([handler.__name__, *parameters]),
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": schemas[name]}
                for name in parameters
            ],
            "responses": {
                "200": {"description": "The answer.", "content": {media_type: {"schema": answer}}},
                "default": {"description": "What is wrong.", "content": errors},
            },
        }
        if body is not None:
            examples = {name: {"value": value} for name, value in body.examples.items()}
            content = {"schema": body.schema, "examples": examples}
            operation["requestBody"] = {"required": True, "content": {"application/json": content}}
        self.paths.setdefault(path.replace(":model}", "}"), {})[method.lower()] = operation


def openapi(
    title: str, description: str, protocols: Iterable[Routes], *, asks_tokens: bool
) -> dict[str, Any]:
    """Returns the OpenAPI document of some protocols.

    Args:
        title: str.
        description: str.
        protocols: their `Routes`.
        asks_tokens: bool. Whether a request needs a bearer token.
    """
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": title, "description": description, "version": mtc_keras.__version__},
        "paths": {path: found for routes in protocols for path, found in routes.paths.items()},
    }
    if asks_tokens:
        scheme = {"type": "http", "scheme": "bearer"}
        document["components"] = {"securitySchemes": {"token": scheme}}
        document["security"] = [{"token": []}]
    return document
