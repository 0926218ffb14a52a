"""Labels as `mtc-keras predict` has them, what the model is, and what drove a label."""

import asyncio
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mtc_keras.serve.http.answers import JSON
from mtc_keras.serve.http.bad_request import BadRequest, check_keys, kind_of, listing
from mtc_keras.serve.http.description import describe
from mtc_keras.serve.http.leaving import unless_client_leaves
from mtc_keras.serve.http.protocols.tf_serving import TEXT
from mtc_keras.serve.http.routes import VERSIONS, Body, Routes
from mtc_keras.serve.http.service import Service, inputs_of
from mtc_keras.serve.http.texts import check_texts, columns_of, texts_of_row
from mtc_keras.serve.served_model import Model
from mtc_keras.tasks.predictions import COLUMNS, Shown, prediction_columns

PROTOCOL, EXPLAIN = "classify", "explain"
MANY = 64  # texts whose labels are decided beside the event loop
CLASSIFY_KEYS = ("texts", "columns", "abstain_below", "raw")
EXPLAIN_KEYS = ("text", "task", "label")
_ROW = {
    "anyOf": [
        TEXT,
        {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2},
        {
            "type": "object",
            "required": ["text"],
            "properties": {"text": TEXT, "text_pair": TEXT},
            "additionalProperties": False,
        },
    ]
}
CLASSIFY = Body(
    {
        "type": "object",
        "required": ["texts"],
        "properties": {
            "texts": {"type": "array", "items": _ROW},
            "columns": {
                "type": "array",
                "items": {"enum": list(COLUMNS)},
                "description": "What is answered; default: labels and probabilities.",
            },
            "abstain_below": {
                "anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "null"}],
                "description": "Labels that are right with a lower probability are null.",
            },
            "raw": {
                "type": "boolean",
                "description": "Probabilities without temperatures, and no labels.",
            },
        },
        "additionalProperties": False,
    },
    {
        "labels": {"texts": ["The clerk was kind.", "I waited two hours."]},
        "only sure labels": {
            "texts": ["The clerk was kind."],
            "columns": ["labels", "confidence"],
            "abstain_below": 0.6,
        },
        "raw": {"texts": ["The clerk was kind."], "raw": True},
        "a pair": {"texts": [["Was the clerk kind?", "Yes, very."]]},
        "a pair by name": {"texts": [{"text": "Was the clerk kind?", "text_pair": "Yes."}]},
    },
)
CLASSIFIED = {
    "type": "object",
    "required": ["model_name", "model_version", "predictions"],
    "properties": {
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "predictions": {"type": "array", "items": {"type": "object"}},
    },
}
EXPLAIN_BODY = Body(
    {
        "type": "object",
        "required": ["text", "task"],
        "properties": {
            "text": _ROW,
            "task": {"type": "string"},
            "label": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "additionalProperties": False,
    },
)
EXPLAINED = {
    "type": "object",
    "required": ["task", "label", "value", "words", "is_grouped", "method", "unit"],
}


def routes_of(service: Service) -> Routes:
    """Returns the routes of the protocol."""

    async def description(request: Request) -> Response:
        return JSON(describe(service.model(request)))

    async def classify(request: Request) -> Response:
        model = service.model(request)
        body = await service.bodies.object(request)
        check_keys(body, CLASSIFY_KEYS)
        if "texts" not in body:
            raise BadRequest('the body lacks "texts"')
        shown, raw = _shown(body), _flag(body, "raw")
        if raw:
            _check_raw(model, body)
        columns = columns_of(body["texts"], inputs_of(model), "texts", model.limits)
        found = await service.predict(request, model, columns, protocol=PROTOCOL, raw=raw)
        model = found.model
        count = len(columns[0])
        # Of many texts it takes tens of milliseconds, in which others are answered.
        decided = partial(
            prediction_columns, model.tasks, found.probabilities, model.decisions, shown
        )
        cells = await asyncio.to_thread(decided) if count > MANY else decided()
        rows = [{name: column[row] for name, column in cells.items()} for row in range(count)]
        return JSON(
            {
                "model_name": model.name,
                "model_version": str(model.version),
                "predictions": rows,
            }
        )

    async def explain(request: Request) -> Response:
        model = service.model(request)
        body = await service.bodies.object(request)
        check_keys(body, EXPLAIN_KEYS)
        if missing := [key for key in ("text", "task") if key not in body]:
            raise BadRequest(f"the body lacks {listing(missing)}")
        task, label = _task(body, model)
        names = inputs_of(model)
        texts = tuple(texts_of_row(body["text"], names, "text"))
        check_texts([[text] for text in texts], lambda row, column: names[column], model.limits)
        found = await unless_client_leaves(
            request,
            service.engine.explain(texts, task, label, version=service.version(request)),
        )
        service.metrics.rows(EXPLAIN, 1)
        words = [
            {
                "text": word.text,
                "start": word.start,
                "end": word.end,
                "segment": word.segment,
                "attribution": word.attribution,
            }
            for word in found.words
        ]
        return JSON(
            {
                "task": found.task,
                "label": found.label,
                "value": found.value,
                "words": words,
                "is_grouped": found.is_grouped,
                "method": "occlusion",
                "unit": "value" if found.label is None else "probability",
            }
        )

    routes = Routes("Labels", service.engine.name)
    for version in VERSIONS:
        path = f"/v1/models/{{name:model}}{version}"
        routes.add(
            "POST",
            f"{path}:classify",
            classify,
            summary="Labels by the model's thresholds, their confidence, probabilities.",
            answer=CLASSIFIED,
            body=CLASSIFY,
        )
        routes.add(
            "POST",
            f"{path}:explain",
            explain,
            summary="What each word of a text contributes to a label, by leaving it out.",
            answer=EXPLAINED,
            body=EXPLAIN_BODY,
        )
        routes.add(
            "GET",
            f"{path}/describe",
            description,
            summary="Tasks, classes, thresholds and limits.",
        )
    return routes


def _shown(body: dict[str, Any]) -> Shown:
    raw = body.get("raw") is True
    columns = body.get("columns", ["probabilities"] if raw else ["labels", "probabilities"])
    if not isinstance(columns, list) or any(column not in COLUMNS for column in columns):
        raise BadRequest(f'"columns" must be an array of {listing(COLUMNS)}')
    below = body.get("abstain_below")
    if below is not None:
        if isinstance(below, bool) or not isinstance(below, (int, float)):
            raise BadRequest(f'"abstain_below" must be a number, and is {kind_of(below)}')
        if not 0 <= below <= 1:
            raise BadRequest('"abstain_below" must lie between 0 and 1')
    return Shown(tuple(columns), below)


def _check_raw(model: Model, body: dict[str, Any]) -> None:
    if body.get("columns", ["probabilities"]) != ["probabilities"] or "abstain_below" in body:
        raise BadRequest(
            'labels are decided by calibrated probabilities: with "raw", "columns" may only be '
            '["probabilities"], and "abstain_below" has no place'
        )
    if not model.has_raw:
        raise BadRequest(
            'the export that is served has its temperatures in it, and gives no "raw" '
            "probabilities; its run does"
        )


def _flag(body: dict[str, Any], key: str) -> bool:
    value = body.get(key, False)
    if not isinstance(value, bool):
        raise BadRequest(f'"{key}" must be a boolean, and is {kind_of(value)}')
    return value


def _task(body: dict[str, Any], model: Model) -> tuple[str, str | None]:
    task, label = body["task"], body.get("label")
    names = [known.name for known in model.tasks]
    if task not in names:
        raise BadRequest(f'"task" must be one of {listing(names)}')
    if label is not None and not isinstance(label, str):
        raise BadRequest(f'"label" must be a string or null, and is {kind_of(label)}')
    return task, label
