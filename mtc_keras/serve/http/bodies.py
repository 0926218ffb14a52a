"""How the body of a request is read: bounded in bytes and seconds, and as one JSON object."""

import asyncio
import json
from typing import Any

from starlette.requests import Request

from mtc_keras.serve.http.bad_request import BadRequest, kind_of
from mtc_keras.serve.limits import Limits

MOST_AT_ONCE = 16  # bodies of the greatest size that arrive at the same time
LARGE = 2**18  # bytes that are parsed beside the event loop, which goes on meanwhile


class Bodies:
    """Reads bodies, of which all together take no more than some memory.

    Args:
        limits: the server's `Limits`.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._most = MOST_AT_ONCE * limits.max_body_bytes
        self._arriving = 0  # bytes of bodies that have not arrived as a whole

    async def object(self, request: Request) -> dict[str, Any]:
        """Returns the JSON object that a request's body holds.

        Its content type does not matter, as none does to TensorFlow Serving: `curl -d` sends
        another.

        Raises:
            BadRequest: if the body cannot be read, or holds something else.
        """
        body = await self.read(request)
        if len(body) > LARGE:
            return await asyncio.to_thread(parse_object, body)
        return parse_object(body)

    async def read(self, request: Request) -> bytes:
        """Returns a request's body, of which no more is read than the limit allows.

        Raises:
            BadRequest: if it is too large, too slow or compressed, or too many arrive at once.
        """
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise BadRequest("a compressed body is not read; send it as it is", 415, "encoding")
        announced = request.headers.get("content-length", "")
        self._check(int(announced) if announced.isdecimal() else 0)
        parts, size = [], 0
        try:
            async with asyncio.timeout(self.limits.timeout):
                async for part in request.stream():
                    size += len(part)
                    self._arriving += len(part)
                    self._check(size)
                    parts.append(part)
        except TimeoutError:
            raise BadRequest(
                f"the body did not arrive within {self.limits.timeout:g} s", 408, "slow_body"
            ) from None
        finally:
            self._arriving -= size
        return b"".join(parts)

    def _check(self, size: int) -> None:
        if size > self.limits.max_body_bytes:
            raise BadRequest(
                f"the body has more than {self.limits.max_body_bytes:,} bytes "
                "(--max-body-bytes); send fewer texts at once",
                413,
                "body_size",
            )
        if self._arriving > self._most:
            raise BadRequest("too many large bodies arrive at once; ask again later", 429, "busy")


def parse_object(body: bytes) -> dict[str, Any]:
    """Returns the object that JSON in UTF-8 holds.

    Raises:
        BadRequest: if it is no JSON, another value, nested too deep, or has a key twice.
    """
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        problem = f"byte {error.start:,} is not UTF-8"
    except json.JSONDecodeError as error:
        problem = f"{error.msg} (line {error.lineno}, column {error.colno})"
    except RecursionError:
        problem = "its values are nested too deep"
    except ValueError:
        problem = "a number has too many digits"
    else:
        if isinstance(value, dict):
            return value
        raise BadRequest(f"the body must be a JSON object, and is {kind_of(value)}")
    raise BadRequest(f"the body is not read as JSON: {problem}", kind="json")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadRequest("the body is not read as JSON: an object has a key twice", kind="json")
    return found
