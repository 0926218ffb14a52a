"""A route, and what the OpenAPI document says of it."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response

Handler = Callable[[Request], Awaitable[Response]]
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "What is wrong, and where."}},
}
ANY_OBJECT: Mapping[str, Any] = {"type": "object"}


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
            others for models of single texts; each is sent in a test.
    """

    schema: Mapping[str, Any]
    examples: Mapping[str, Any] = field(default_factory=dict)


def add_route(
    router: APIRouter,
    method: str,
    path: str,
    handler: Handler,
    *,
    summary: str,
    answer: Mapping[str, Any] = ANY_OBJECT,
    body: Body | None = None,
    media_type: str = "application/json",
    name: str = "",
) -> None:
    """Adds a route.

    Args:
        router: the `APIRouter`.
        method: str. `"GET"`, which HEAD asks for, too, or `"POST"`.
        path: str. It may have the parameters `{name:model}` and `{version}`.
        handler: answers a request.
        summary: str. One sentence.
        answer: JSON Schema of its answer.
        body: optional `Body`.
        media_type: str. That of its answer.
        name: str. Of the model, the only one that is served.
    """
    version = {"type": "string", "pattern": "^[0-9]{1,18}$"}
    schemas = {"name": {"type": "string", "enum": [name]}, "version": version}
    extra: dict[str, Any] = {
        "parameters": [
            {"name": found, "in": "path", "required": True, "schema": schemas[found]}
            for found in re.findall(r"{(\w+)", path)
        ]
    }
    if body is not None:
        examples = {key: {"value": value} for key, value in body.examples.items()}
        content = {"schema": body.schema, "examples": examples}
        extra["requestBody"] = {"required": True, "content": {"application/json": content}}
    errors = {"application/json": {"schema": ERROR}}
    router.add_api_route(
        path,
        handler,
        methods=[method],
        summary=summary,
        response_class=Response,
        responses={
            200: {"description": "The answer.", "content": {media_type: {"schema": answer}}},
            "default": {"description": "What is wrong.", "content": errors},
        },
        openapi_extra=extra,
    )
