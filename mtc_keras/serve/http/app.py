"""The server's application: protocols, errors, documents and the page around one engine."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response

from mtc_keras.errors import UserError
from mtc_keras.serve.http import answers, documents
from mtc_keras.serve.http.auth import Hosts, Tokens
from mtc_keras.serve.http.bad_request import BadRequest
from mtc_keras.serve.http.guard import CLIENT_LEFT, Guard
from mtc_keras.serve.http.leaving import ClientLeft
from mtc_keras.serve.http.metrics import Metrics
from mtc_keras.serve.http.protocols import classify, open_inference, operating, tf_serving
from mtc_keras.serve.http.routes import openapi
from mtc_keras.serve.http.service import Service
from mtc_keras.serve.page import rendering
from mtc_keras.serve.refusals import Refused

if TYPE_CHECKING:
    from mtc_keras.serve.engine import Engine

DESCRIPTION = (
    "One model, every task in one answer, by three protocols: TensorFlow Serving's REST "
    "(:predict), the Open Inference Protocol (/v2), and labels as mtc-keras predict has them "
    '(:classify). What is wrong with a request stands under "error" of its answer.'
)


def create_app(
    engine: "Engine",
    *,
    tokens: Sequence[str] = (),
    cors: Sequence[str] = (),
    hosts: Sequence[str] | None = None,
    page: bool = True,
    metrics: Metrics | None = None,
) -> Starlette:
    """Returns the application that answers requests by an engine, which the caller starts.

    Args:
        engine: the `Engine`.
        tokens: bearer tokens, one of which is asked for; none, and everybody may ask.
        cors: origins, such as `"https://example.org"`, whose pages may ask from a browser.
        hosts: names in the `Host` header, beside `localhost` and addresses, that are answered;
            default: any.
        page: bool. Whether `/` is a page to try the model.
        metrics: the `Metrics` that the engine tells of its work; default: new ones.

    Example:

    ```python
    metrics = Metrics()
    engine = Engine("exports/quickstart", "quickstart", Limits(), metrics)
    app = create_app(engine, metrics=metrics)
    ```
    """
    service = Service(engine, metrics or Metrics())
    modules = (tf_serving, classify, open_inference, operating)
    protocols = [module.routes_of(service) for module in modules]
    app = Starlette(routes=[route for routes in protocols for route in routes.routes])
    app.router.redirect_slashes = False
    title = f"mtc-keras: {engine.name}"
    document = openapi(title, DESCRIPTION, protocols, asks_tokens=bool(tokens))
    _add_documents(app, document, engine)
    if page:
        _add_page(app, engine.name)
    _add_errors(app, service.metrics)
    app.add_middleware(Guard, tokens=Tokens(tokens), hosts=Hosts(hosts), metrics=service.metrics)
    if cors:  # around the guard, as a browser asks first without a token
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(cors),
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type"],
            expose_headers=["retry-after"],
        )
    return app


def _add_documents(app: Starlette, document: dict[str, Any], engine: "Engine") -> None:
    async def for_programs(request: Request) -> Response:
        return answers.JSON(document)

    async def for_people(request: Request) -> Response:
        address = request.base_url
        if request.headers.get("x-forwarded-proto") == "https":  # a proxy ends TLS
            address = address.replace(scheme="https")
        try:
            takes_pairs = len(engine.model().data.text_columns) > 1
        except Refused:  # none is ready
            takes_pairs = False
        html = documents.documents_html(document, str(address).rstrip("/"), takes_pairs=takes_pairs)
        return HTMLResponse(html, headers=documents.headers())

    app.add_route("/openapi.json", for_programs, ["GET"])
    app.add_route("/docs", for_people, ["GET"])


def _add_page(app: Starlette, name: str) -> None:
    async def page(request: Request) -> Response:
        return HTMLResponse(html, headers=rendering.HEADERS)

    html = rendering.page_html(name)
    app.add_route("/", page, ["GET"])


def _add_errors(app: Starlette, metrics: Metrics) -> None:
    async def bad_request(request: Request, found: Any) -> Response:
        metrics.error(found.kind)
        return answers.bad_request(found, is_expecting="expect" in request.headers)

    async def refused(request: Request, refusal: Any) -> Response:
        answer, kind = answers.refused(refusal)
        metrics.error(kind)
        return answer

    async def wrong(request: Request, mistake: Any) -> Response:
        metrics.error("request")
        return answers.error(str(mistake), 400)

    async def no_route(request: Request, found: Any) -> Response:
        if found.status_code == 405 and request.method == "OPTIONS":
            return Response(status_code=204, headers=found.headers)
        methods = " or ".join(sorted((found.headers or {}).get("Allow", "").split(", ")))
        messages = {
            404: "there is nothing at this path; /docs lists those that there are",
            405: f"this path takes {methods}, not {request.method}; /docs has examples",
        }
        metrics.error("path")
        message = messages.get(found.status_code, "the request cannot be answered")
        return answers.error(message, found.status_code, found.headers)

    async def left(request: Request, found: Any) -> Response:
        metrics.error("client_left")
        return Response(status_code=CLIENT_LEFT)  # nobody gets it

    app.add_exception_handler(BadRequest, bad_request)
    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(UserError, wrong)
    app.add_exception_handler(HTTPException, no_route)
    app.add_exception_handler(ClientLeft, left)
    app.add_exception_handler(ClientDisconnect, left)
