"""What the server and its workers say to each other: JSON, and behind it the bytes of arrays.

A message is the length of its header (4 bytes, the highest first), the header in JSON, and float32
arrays one after the other, whose names and shapes the header lists. Nothing is pickled.
"""

import asyncio
import json
import math
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

ARRAYS = "arrays"  # the key of the header that lists them
SIZE = 4
NO_ARRAYS: Mapping[str, np.ndarray] = {}
Message = tuple[dict[str, Any], dict[str, np.ndarray]]


def packed(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray] = NO_ARRAYS) -> list[bytes]:
    """Returns the parts of a message.

    Args:
        header: JSON values; texts may hold lone surrogates.
        arrays: dict from name to float32 array.
    """
    values = {name: np.asarray(array, "float32") for name, array in arrays.items()}
    listed = [[name, list(array.shape)] for name, array in values.items()]
    encoded = json.dumps({**header, ARRAYS: listed}, separators=(",", ":")).encode("ascii")
    size = len(encoded).to_bytes(SIZE, "big")
    return [size + encoded, *(array.tobytes() for array in values.values())]


def receive(stream: IO[bytes]) -> Message | None:
    """Waits for a message; returns `None` where the other side has gone."""
    try:
        header = json.loads(_exactly(stream, int.from_bytes(_exactly(stream, SIZE), "big")))
        return _unpacked(header, _exactly(stream, _payload(header)))
    except EOFError:
        return None


async def received(stream: asyncio.StreamReader) -> Message:
    """Waits for a message.

    Raises:
        asyncio.IncompleteReadError: if the other side has gone.
    """
    size = int.from_bytes(await stream.readexactly(SIZE), "big")
    header = json.loads(await stream.readexactly(size))
    return _unpacked(header, await stream.readexactly(_payload(header)))


def _exactly(stream: IO[bytes], size: int) -> bytes:
    found = stream.read(size)
    if len(found) < size:
        raise EOFError
    return found


def _payload(header: Mapping[str, Any]) -> int:
    return sum(4 * math.prod(shape) for _, shape in header[ARRAYS])


def _unpacked(header: dict[str, Any], payload: bytes) -> Message:
    arrays, start = {}, 0
    for name, shape in header.pop(ARRAYS):
        count = math.prod(shape)
        arrays[name] = np.frombuffer(payload, "float32", count, start).reshape(shape)
        start += 4 * count
    return header, arrays
