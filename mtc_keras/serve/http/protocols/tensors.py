"""Tensors of the Open Inference Protocol, in JSON or as bytes behind it.

Bytes are Triton's extension `binary_tensor_data`: a header says how long the JSON is, and behind
it stand the tensors whose parameter `binary_data_size` says how long each is; a text has its
length, four bytes, before it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from starlette.responses import Response

from mtc_keras.serve.http.answers import JSON
from mtc_keras.serve.http.bad_request import BadRequest, listing
from mtc_keras.serve.http.bodies import parse_object
from mtc_keras.serve.http.texts import check_count, check_texts, text_of
from mtc_keras.serve.limits import Limits
from mtc_keras.tasks import Task

HEADER = "inference-header-content-length"
SIZE = "binary_data_size"
LENGTH_BYTES = 4  # before each text
MOST_DIMENSIONS = 8


def shape_of(task: Task) -> list[int]:
    """Returns the shape of a task's output for one row."""
    return [len(task.shown_classes)] if task.has_probabilities else []


def read_request(body: bytes, header: str | None) -> tuple[dict[str, Any], bytes]:
    """Returns the JSON object of a request, and the bytes behind it.

    Raises:
        BadRequest: if it has none, or the header is no length of it.
    """
    if header is None:
        return parse_object(body), b""
    if not (header.isascii() and header.isdecimal()) or int(header[:18]) > len(body):
        raise BadRequest("Inference-Header-Content-Length is no length within the body")
    return parse_object(body[: int(header)]), body[int(header) :]


def texts_of(
    inputs: Any, names: Sequence[str], binary: bytes, limits: Limits
) -> tuple[list[str], ...]:
    """Returns the texts of each input.

    Args:
        inputs: what the request has under that key.
        names: the model's inputs.
        binary: bytes behind the JSON.
        limits: the server's `Limits`.

    Raises:
        BadRequest: if they are not those of the model, or a text cannot be read.
    """
    if not isinstance(inputs, list):
        raise BadRequest('the body must have "inputs", an array', kind="shape")
    found: dict[str, list[str]] = {}
    for number, tensor in enumerate(inputs):
        place = f"inputs[{number}]"
        if not isinstance(tensor, dict) or tensor.get("name") not in names:
            raise BadRequest(f"{place} must have a name of {listing(names)}", kind="shape")
        if tensor["name"] in found:
            raise BadRequest(f"{place} is given twice", kind="shape")
        cells, binary = _cells(tensor, binary, place, limits)
        found[tensor["name"]] = [
            text_of(cell, f"{place}.data[{row}]") for row, cell in enumerate(cells)
        ]
    if binary:
        raise BadRequest("bytes are left behind the last tensor", kind="shape")
    if found.keys() != set(names):
        raise BadRequest(f"inputs must be {listing(names)}", kind="shape")
    columns = tuple(found[name] for name in names)
    if len(set(map(len, columns))) > 1:
        raise BadRequest("the inputs must have as many texts", kind="shape")
    check_texts(columns, lambda row, column: f"{names[column]}[{row}]", limits)
    return columns


def _cells(
    tensor: dict[str, Any], binary: bytes, place: str, limits: Limits
) -> tuple[list[Any], bytes]:
    """Returns the elements of a tensor, and the bytes that are left behind it."""
    if tensor.get("datatype") != "BYTES":
        raise BadRequest(f'{place}.datatype must be "BYTES"', kind="shape")
    count = _count(tensor.get("shape"), place)
    check_count(count, place, limits)
    parameters = tensor.get("parameters", {})
    size = parameters.get(SIZE) if isinstance(parameters, dict) else None
    if size is not None:
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= len(binary):
            raise BadRequest(f"{place}: {SIZE} is no length within the body", kind="shape")
        cells: list[Any] = _texts(binary[:size], place)
        binary = binary[size:]
    else:
        data = tensor.get("data")
        if not isinstance(data, list):
            raise BadRequest(f"{place}.data must be an array", kind="shape")
        cells = _flat(data)
    if len(cells) != count:
        raise BadRequest(
            f"{place} has {len(cells):,} texts, and a shape of {count:,}", kind="shape"
        )
    return cells, binary


def _count(shape: Any, place: str) -> int:
    """Returns the number of elements: N of `[N]`, or of `[N, 1]`."""
    if (
        not isinstance(shape, list)
        or not 1 <= len(shape) <= MOST_DIMENSIONS
        or any(isinstance(size, bool) or not isinstance(size, int) or size < 0 for size in shape)
    ):
        raise BadRequest(f"{place}.shape must be an array of whole numbers", kind="shape")
    if math.prod(shape[1:]) != 1:
        raise BadRequest(f"{place}.shape must be [N], or [N, 1]: one text per row", kind="shape")
    return shape[0]


def _flat(data: list[Any]) -> list[Any]:
    """Returns the elements of a nested or a flat array."""
    for _ in range(MOST_DIMENSIONS - 1):
        if not any(isinstance(cell, list) for cell in data):
            break
        data = [inner for cell in data for inner in (cell if isinstance(cell, list) else [cell])]
    return data


def _texts(binary: bytes, place: str) -> list[str]:
    texts, start = [], 0
    while start < len(binary):
        begin = start + LENGTH_BYTES
        end = begin + int.from_bytes(binary[start:begin], "little")
        if end > len(binary):
            raise BadRequest(f"{place}: its bytes end within a text", kind="shape")
        try:
            texts.append(binary[begin:end].decode("utf-8"))
        except UnicodeDecodeError:
            raise BadRequest(f"{place}.data[{len(texts)}] is not UTF-8", 422, "text") from None
        start = end
    return texts


def encoded(
    answer: dict[str, Any], arrays: Mapping[str, np.ndarray], in_bytes: set[str]
) -> Response:
    """Returns an answer with output tensors.

    Args:
        answer: what it says beside them.
        arrays: dict from output to float32 of shape `(N, …)`.
        in_bytes: names of those that are sent as bytes behind the JSON.
    """
    outputs: list[dict[str, Any]] = []
    parts: list[bytes] = []
    for name, values in arrays.items():
        output: dict[str, Any] = {"name": name, "datatype": "FP32", "shape": list(values.shape)}
        flat = np.ascontiguousarray(values.reshape(-1), "<f4")
        if name in in_bytes:
            parts.append(flat.tobytes())
            output["parameters"] = {SIZE: flat.nbytes}
        else:
            output["data"] = flat
        outputs.append(output)
    if not in_bytes:
        return JSON({**answer, "outputs": outputs})
    header = orjson.dumps({**answer, "outputs": outputs}, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(
        b"".join([header, *parts]),
        headers={HEADER: str(len(header))},
        media_type="application/octet-stream",
    )
