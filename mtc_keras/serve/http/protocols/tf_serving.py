"""TensorFlow Serving's REST: https://www.tensorflow.org/tfx/serving/api_rest

A client of one of our SavedModels there gets the same answers here, whatever is served: rows or
columns, the signatures `serving_default` and `classify`, texts as base64, status and metadata.
`tokens`, which takes ids, is not served, and keys that TensorFlow Serving would ignore are refused.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from mtc_keras.serve.http.answers import JSON
from mtc_keras.serve.http.bad_request import BadRequest, check_keys, kind_of, listing
from mtc_keras.serve.http.protocols.signatures import SIGNATURES, outputs_of, signature_def
from mtc_keras.serve.http.routes import VERSIONS, Body, Routes
from mtc_keras.serve.http.service import Service, inputs_of
from mtc_keras.serve.http.texts import check_count, check_texts, columns_of, is_encoded, text_of
from mtc_keras.serve.served_model import Model
from mtc_keras.serve.versions import State, Version

PROTOCOL = "tf_serving"
KEYS = ("signature_name", "instances", "inputs")
_ENCODED = {
    "type": "object",
    "required": ["b64"],
    "properties": {"b64": {"type": "string", "contentEncoding": "base64"}},
    "additionalProperties": False,
}
TEXT = {"anyOf": [{"type": "string"}, _ENCODED]}
_OF_INPUTS = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": TEXT, "text_pair": TEXT},
    "additionalProperties": False,
}
_TEXTS = {"type": "array", "items": TEXT}
_SIGNATURE = {"signature_name": {"type": "string", "enum": list(SIGNATURES)}}
BODY = Body(
    {
        "oneOf": [
            {
                "type": "object",
                "required": ["instances"],
                "properties": {
                    **_SIGNATURE,
                    "instances": {
                        "type": "array",
                        "minItems": 1,
                        "items": {"anyOf": [TEXT, _OF_INPUTS]},
                    },
                },
                "additionalProperties": False,
            },
            {
                "type": "object",
                "required": ["inputs"],
                "properties": {
                    **_SIGNATURE,
                    "inputs": {
                        "anyOf": [
                            _TEXTS,
                            {
                                "type": "object",
                                "required": ["text"],
                                "properties": {"text": _TEXTS, "text_pair": _TEXTS},
                                "additionalProperties": False,
                            },
                        ]
                    },
                },
                "additionalProperties": False,
            },
        ]
    },
    {
        "rows": {"instances": ["The clerk was kind.", "I waited two hours."]},
        "rows by name": {"instances": [{"text": "The clerk was kind."}]},
        "columns": {"inputs": {"text": ["The clerk was kind.", "I waited two hours."]}},
        "labels": {"signature_name": "classify", "instances": ["The clerk was kind."]},
        "base64": {"instances": [{"b64": "VGhlIGNsZXJrIHdhcyBraW5kLg=="}]},
        "rows of pairs": {
            "instances": [{"text": "Was the clerk kind?", "text_pair": "Yes, very."}]
        },
        "columns of pairs": {
            "inputs": {"text": ["Was the clerk kind?"], "text_pair": ["Yes, very."]}
        },
    },
)
PREDICTED = {
    "oneOf": [
        {
            "type": "object",
            "required": ["predictions"],
            "properties": {"predictions": {"type": "array"}},
        },
        {"type": "object", "required": ["outputs"], "properties": {"outputs": {}}},
    ]
}
STATUS = {
    "type": "object",
    "required": ["model_version_status"],
    "properties": {
        "model_version_status": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["version", "state", "status"],
                "properties": {
                    "version": {"type": "string"},
                    "state": {"enum": [state.value for state in State if state != "FAILED"]},
                    "status": {
                        "type": "object",
                        "required": ["error_code", "error_message"],
                        "properties": {
                            "error_code": {"type": "string"},
                            "error_message": {"type": "string"},
                        },
                    },
                },
            },
        }
    },
}
METADATA = {"type": "object", "required": ["model_spec", "metadata"]}


def routes_of(service: Service) -> Routes:
    """Returns the routes of the protocol."""

    async def status(request: Request) -> Response:
        name, asked = request.path_params["name"], service.version(request)
        versions = service.engine.versions if name == service.engine.name else []
        found = [version for version in versions if asked in (None, version.number)]
        if not found:
            which = "any versions" if asked is None else f"version {asked}"
            raise BadRequest(f"Could not find {which} of model {name}", 404, "version")
        path = str(service.engine.path)
        return JSON({"model_version_status": [_status(version, path) for version in found]})

    async def metadata(request: Request) -> Response:
        model = service.model(request)
        spec = {"name": model.name, "signature_name": "", "version": str(model.version)}
        signatures = {"signature_def": signature_def(model)}
        return JSON({"model_spec": spec, "metadata": {"signature_def": signatures}})

    async def predict(request: Request) -> Response:
        model = service.model(request)
        body = await service.bodies.object(request)
        signature, key, columns = _read(body, model)
        found = await service.predict(request, model, columns, protocol=PROTOCOL)
        outputs = outputs_of(found.model, found.probabilities, signature)
        if key == "instances":
            return JSON({"predictions": _rows(outputs, len(columns[0]))})
        return JSON({"outputs": _only(outputs)})

    routes = Routes("TensorFlow Serving", service.engine.name)
    for version in VERSIONS:
        path = f"/v1/models/{{name:model}}{version}"
        routes.add(
            "POST",
            f"{path}:predict",
            predict,
            summary="Probabilities and numbers of texts; of the signature classify, labels.",
            answer=PREDICTED,
            body=BODY,
        )
        routes.add("GET", path, status, summary="The state of versions.", answer=STATUS)
        routes.add(
            "GET",
            f"{path}/metadata",
            metadata,
            summary="The model's signatures.",
            answer=METADATA,
        )
    return routes


def _status(version: Version, path: str) -> dict[str, Any]:
    has_failed = version.state == State.FAILED
    # TensorFlow Serving has no state of its own for a version that could not be loaded.
    return {
        "version": str(version.number),
        "state": State.END if has_failed else version.state,
        "status": {
            "error_code": "UNKNOWN" if has_failed else "OK",
            "error_message": version.message.replace(path, "…"),  # is nobody's business
        },
    }


def _read(body: dict[str, Any], model: Model) -> tuple[str, str, tuple[list[str], ...]]:
    """Returns the signature, the key of the texts, and the texts of each input."""
    check_keys(body, KEYS)
    signature = body.get("signature_name")
    if signature is None or signature == "":
        signature = "serving_default"
    if not isinstance(signature, str):
        raise BadRequest(f'"signature_name" must be a string, and is {kind_of(signature)}')
    if signature == "tokens":
        raise BadRequest("the signature tokens is not served here: send texts")
    if signature not in SIGNATURES:
        raise BadRequest(f'"signature_name" must be one of {listing(SIGNATURES)}')
    if "instances" in body and "inputs" in body:
        raise BadRequest("expecting only one of 'inputs' or 'instances' keys to exist")
    names = inputs_of(model)
    if "instances" in body:
        columns = columns_of(body["instances"], names, "instances", model.limits)
        if not columns[0]:
            raise BadRequest("No values in 'instances' array")
        return signature, "instances", columns
    if "inputs" not in body:
        raise BadRequest("Missing 'inputs' or 'instances' key")
    return signature, "inputs", _columns(body["inputs"], names, model)


def _columns(inputs: Any, names: Sequence[str], model: Model) -> tuple[list[str], ...]:
    if not isinstance(inputs, dict) or is_encoded(inputs):
        inputs = {names[0]: inputs}
    if inputs.keys() != set(names):
        raise BadRequest(f"inputs must have {listing(names)}, and no other key", kind="shape")
    columns = tuple(_column(inputs[name], f"inputs.{name}", model) for name in names)
    if len(set(map(len, columns))) > 1:
        raise BadRequest("inputs must have as many texts of each kind", kind="shape")
    check_texts(columns, lambda row, column: f"inputs.{names[column]}[{row}]", model.limits)
    return columns


def _column(cells: Any, where: str, model: Model) -> list[str]:
    if not isinstance(cells, list):
        raise BadRequest(f"{where} must be an array, and is {kind_of(cells)}", kind="shape")
    check_count(len(cells), where, model.limits)
    return [text_of(cell, f"{where}[{row}]") for row, cell in enumerate(cells)]


def _rows(outputs: Mapping[str, Sequence[Any] | np.ndarray], count: int) -> list[Any]:
    if len(outputs) == 1:  # whose name is left out
        [values] = outputs.values()
        return list(values)
    return [{name: values[row] for name, values in outputs.items()} for row in range(count)]


def _only(outputs: Mapping[str, Any]) -> Any:
    return next(iter(outputs.values())) if len(outputs) == 1 else outputs
