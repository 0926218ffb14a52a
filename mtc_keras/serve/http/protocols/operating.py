"""What operators ask: whether the server lives, and what it has counted."""

from starlette.requests import Request
from starlette.responses import Response

from mtc_keras.serve.http.answers import JSON
from mtc_keras.serve.http.metrics import CONTENT_TYPE
from mtc_keras.serve.http.routes import Routes
from mtc_keras.serve.http.service import Service

HEALTH = {
    "type": "object",
    "required": ["status", "ready"],
    "properties": {"status": {"const": "ok"}, "ready": {"type": "boolean"}},
}


def routes_of(service: Service) -> Routes:
    """Returns the routes of the protocol."""

    async def health(request: Request) -> Response:
        return JSON({"status": "ok", "ready": service.engine.is_ready})

    async def metrics(request: Request) -> Response:
        return Response(service.metrics.page(), media_type=CONTENT_TYPE)

    routes = Routes("Operation", service.engine.name)
    routes.add(
        "GET",
        "/healthz",
        health,
        summary="200 as long as the server runs; whether it is ready.",
        answer=HEALTH,
    )
    routes.add(
        "GET",
        "/metrics",
        metrics,
        summary="Counters for Prometheus.",
        answer={"type": "string"},
        media_type="text/plain",
    )
    return routes
