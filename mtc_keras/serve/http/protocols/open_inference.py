"""The Open Inference Protocol, version 2: what clients of KServe, Triton and MLServer speak.

https://github.com/kserve/open-inference-protocol, and Triton's extension `binary_tensor_data`, by
which its clients send texts and ask for numbers unless they are told not to.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

import mtc_keras
from mtc_keras.errors import is_utf8
from mtc_keras.serve.http.answers import JSON
from mtc_keras.serve.http.bad_request import BadRequest, check_keys, kind_of, listing
from mtc_keras.serve.http.protocols.tensors import HEADER, encoded, read_request, shape_of, texts_of
from mtc_keras.serve.http.routes import VERSIONS, Body, Routes
from mtc_keras.serve.http.service import Service, inputs_of
from mtc_keras.serve.refusals import Draining
from mtc_keras.serve.served_model import Model

PROTOCOL = "open_inference"
KEYS = ("id", "parameters", "inputs", "outputs")
EXTENSION = "binary_tensor_data"
PLATFORMS = {
    "run": "mtc_keras_run",
    "onnx": "onnxruntime_onnx",
    "saved_model": "tensorflow_savedmodel",
}
_PARAMETERS = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "boolean"]},
}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_INPUT = {
    "type": "object",
    "required": ["name", "shape", "datatype", "data"],
    "properties": {
        "name": {"enum": ["text", "text_pair"]},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "datatype": {"const": "BYTES"},
        "parameters": _PARAMETERS,
        "data": {"anyOf": [_TEXTS, {"type": "array", "items": _TEXTS}]},
    },
}
INFER = Body(
    {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "parameters": _PARAMETERS,
            "inputs": {"type": "array", "items": _INPUT, "minItems": 1},
            "outputs": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"type": "string"}, "parameters": _PARAMETERS},
                },
            },
        },
        "additionalProperties": False,
    },
    {
        "texts": {
            "id": "42",
            "inputs": [
                {
                    "name": "text",
                    "shape": [2],
                    "datatype": "BYTES",
                    "data": ["The clerk was kind.", "I waited two hours."],
                }
            ],
        },
        "pairs": {
            "inputs": [
                {
                    "name": "text",
                    "shape": [1, 1],
                    "datatype": "BYTES",
                    "data": [["Was the clerk kind?"]],
                },
                {"name": "text_pair", "shape": [1], "datatype": "BYTES", "data": ["Yes."]},
            ]
        },
    },
)
_TENSOR = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {
        "name": {"type": "string"},
        "datatype": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
    },
}
INFERRED = {
    "type": "object",
    "required": ["model_name", "model_version", "outputs"],
    "properties": {
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "id": {"type": "string"},
        "outputs": {"type": "array", "items": _TENSOR},
    },
}
METADATA = {
    "type": "object",
    "required": ["name", "versions", "platform", "inputs", "outputs"],
    "properties": {
        "name": {"type": "string"},
        "versions": {"type": "array", "items": {"type": "string"}},
        "platform": {"type": "string"},
        "inputs": {"type": "array", "items": _TENSOR},
        "outputs": {"type": "array", "items": _TENSOR},
    },
}
LIVE = {"type": "object", "required": ["live"], "properties": {"live": {"type": "boolean"}}}
READY = {"type": "object", "required": ["ready"], "properties": {"ready": {"type": "boolean"}}}


def routes_of(service: Service) -> Routes:
    """Returns the routes of the protocol."""

    async def server(request: Request) -> Response:
        version = mtc_keras.__version__
        return JSON({"name": "mtc-keras", "version": version, "extensions": [EXTENSION]})

    async def live(request: Request) -> Response:
        return JSON({"live": True})

    async def ready(request: Request) -> Response:
        is_ready = service.engine.is_ready
        return JSON({"ready": is_ready}, 200 if is_ready else 503)

    async def model_ready(request: Request) -> Response:
        try:
            service.model(request)
            is_ready = service.engine.is_ready
        except Draining:  # or not loaded yet
            is_ready = False
        found = {"name": service.engine.name, "ready": is_ready}
        return JSON(found, 200 if is_ready else 503)

    async def model_metadata(request: Request) -> Response:
        model = service.model(request)
        inputs = [{"name": name, "datatype": "BYTES", "shape": [-1]} for name in inputs_of(model)]
        outputs = [
            {"name": task.name, "datatype": "FP32", "shape": [-1, *shape_of(task)]}
            for task in model.tasks
        ]
        return JSON(
            {
                "name": model.name,
                "versions": [
                    str(version.number)
                    for version in service.engine.versions
                    if version.state == "AVAILABLE"
                ],
                "platform": PLATFORMS[model.format],
                "inputs": inputs,
                "outputs": outputs,
            }
        )

    async def infer(request: Request) -> Response:
        model = service.model(request)
        raw = await service.bodies.read(request)
        body, binary = read_request(raw, request.headers.get(HEADER))
        check_keys(body, KEYS)
        asked = _outputs(body, model)
        columns = texts_of(body.get("inputs"), inputs_of(model), binary, model.limits)
        found = await service.predict(request, model, columns, protocol=PROTOCOL)
        answer: dict[str, Any] = {
            "model_name": found.model.name,
            "model_version": str(found.model.version),
        }
        if "id" in body:
            answer["id"] = body["id"]
        arrays = {name: found.probabilities[name] for name in asked}
        return encoded(answer, arrays, {name for name, is_binary in asked.items() if is_binary})

    routes = Routes("Open Inference Protocol", service.engine.name)
    for version in VERSIONS:
        path = f"/v2/models/{{name:model}}{version}"
        routes.add(
            "POST",
            f"{path}/infer",
            infer,
            summary="Probabilities and numbers of texts as tensors.",
            answer=INFERRED,
            body=INFER,
        )
        routes.add(
            "GET", path, model_metadata, summary="The model's inputs and outputs.", answer=METADATA
        )
        routes.add(
            "GET",
            f"{path}/ready",
            model_ready,
            summary="Whether the model, or a version of it, answers.",
            answer=READY,
        )
    routes.add("GET", "/v2", server, summary="The server and its version.")
    routes.add("GET", "/v2/health/live", live, summary="Whether it runs.", answer=LIVE)
    routes.add("GET", "/v2/health/ready", ready, summary="Whether it answers.", answer=READY)
    return routes


def _outputs(body: dict[str, Any], model: Model) -> dict[str, bool]:
    """Returns the outputs that are asked for, and whether each one's numbers are sent as bytes."""
    if not isinstance(body.get("id", ""), str):
        raise BadRequest(f'"id" must be a string, and is {kind_of(body["id"])}')
    if not is_utf8(body.get("id", "")):
        raise BadRequest('"id" holds half of a surrogate pair, which is no character')
    parameters = _parameters(body, "the request")
    by_default = parameters.get("binary_data_output") is True
    names = [task.name for task in model.tasks]
    outputs = body.get("outputs")
    if outputs is None or outputs == []:
        return dict.fromkeys(names, by_default)
    if not isinstance(outputs, list):
        raise BadRequest(f'"outputs" must be an array, and is {kind_of(outputs)}')
    asked: dict[str, bool] = {}
    for number, output in enumerate(outputs):
        if not isinstance(output, dict) or output.get("name") not in names:
            raise BadRequest(f"outputs[{number}] must have a name of {listing(names)}")
        if output["name"] in asked:
            raise BadRequest(f"outputs[{number}] is asked for twice")
        found = _parameters(output, f"outputs[{number}]")
        if "classification" in found:
            raise BadRequest(
                f"outputs[{number}]: classification is not served; ask :classify for labels"
            )
        asked[output["name"]] = found.get("binary_data", by_default) is True
    return asked


def _parameters(holder: dict[str, Any], place: str) -> dict[str, Any]:
    parameters = holder.get("parameters", {})
    if not isinstance(parameters, dict):
        raise BadRequest(f"the parameters of {place} must be an object")
    return parameters
