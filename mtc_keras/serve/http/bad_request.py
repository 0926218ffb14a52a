"""What is wrong with a request: a status, and a message that quotes no text."""

from collections.abc import Sequence
from typing import Any

from mtc_keras.errors import plural

KINDS = {
    "dict": "an object",
    "list": "an array",
    "str": "a string",
    "bool": "a boolean",
    "int": "a number",
    "float": "a number",
    "NoneType": "null",
}


class BadRequest(Exception):
    """A request that cannot be answered as it is.

    Args:
        message: str. What is wrong and where; no text of the request.
        status: int. The HTTP status.
        kind: str. What the metrics call it.
    """

    def __init__(self, message: str, status: int = 400, kind: str = "request") -> None:
        super().__init__(message)
        self.message, self.status, self.kind = message, status, kind


def kind_of(value: Any) -> str:
    """Returns what JSON calls a value, with its article."""
    return KINDS[type(value).__name__]


def check_keys(body: dict[str, Any], known: Sequence[str]) -> None:
    """Checks that an object has no other keys.

    Raises:
        BadRequest: if it does; the key is not quoted, as it may be a text.
    """
    if strangers := len(body.keys() - set(known)):
        raise BadRequest(
            f"the body has {plural(strangers, 'unknown key')}; known: {listing(known)}"
        )


def listing(names: Sequence[str]) -> str:
    """Returns names as JSON writes them, separated by commas."""
    return ", ".join(f'"{name}"' for name in names)
