"""The texts of a request, each checked: what is wrong is told by its place, and quotes no text."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

from mtc_keras.errors import is_utf8, plural
from mtc_keras.serve.http.bad_request import BadRequest, kind_of, listing
from mtc_keras.serve.limits import Limits

B64 = "b64"  # the key of a text whose bytes are encoded, as in TensorFlow Serving


def is_encoded(cell: Any) -> bool:
    """Whether a cell is a text whose bytes are encoded: `{"b64": "…"}`."""
    return isinstance(cell, dict) and cell.keys() == {B64}


def text_of(cell: Any, place: str) -> str:
    """Returns the text that a cell holds.

    Raises:
        BadRequest: if it holds something else.
    """
    if isinstance(cell, str):
        return cell
    if not is_encoded(cell):
        raise BadRequest(f"{place} must be a string, and is {kind_of(cell)}", kind="shape")
    try:
        return base64.b64decode(cell[B64], validate=True).decode("utf-8")
    except (binascii.Error, TypeError, ValueError):  # a UnicodeDecodeError is a ValueError
        raise BadRequest(f"{place} must be base64 of a text in UTF-8", 422, "text") from None


def texts_of_row(row: Any, names: Sequence[str], place: str) -> list[str]:
    """Returns a row's text for each input.

    Args:
        row: a text, a list of the texts of a pair, or an object from input to text.
        names: the inputs.
        place: str. Where it stands.

    Raises:
        BadRequest: if it is something else.
    """
    if isinstance(row, dict) and not is_encoded(row):
        if row.keys() != set(names):
            raise BadRequest(
                f"{place} must have {plural(len(names), 'key')}, {listing(names)}, and no other",
                kind="shape",
            )
        return [text_of(row[name], f"{place}.{name}") for name in names]
    if len(names) == 1:
        return [text_of(row, place)]
    if not isinstance(row, list) or len(row) != len(names):
        raise BadRequest(
            f"{place} must hold a text pair: an object with the keys {listing(names)}",
            kind="shape",
        )
    return [text_of(cell, f"{place}[{number}]") for number, cell in enumerate(row)]


def columns_of(
    rows: Any, names: Sequence[str], where: str, limits: Limits
) -> tuple[list[str], ...]:
    """Returns the texts of N rows, N strings for each input.

    Args:
        rows: what the request has under a key: an array of rows.
        names: the inputs.
        where: str. The key.
        limits: the server's `Limits`.

    Raises:
        BadRequest: if they are too many, or one is something else than a text, too long, or holds
            what no text may.
    """
    if not isinstance(rows, list):
        raise BadRequest(f"{where} must be an array, and is {kind_of(rows)}", kind="shape")
    check_count(len(rows), where, limits)
    read = [texts_of_row(row, names, f"{where}[{number}]") for number, row in enumerate(rows)]
    columns = tuple([texts[number] for texts in read] for number in range(len(names)))
    check_texts(columns, lambda row, column: _place(where, row, column, names), limits)
    return columns


def _place(where: str, row: int, column: int, names: Sequence[str]) -> str:
    return f"{where}[{row}]" + (f".{names[column]}" if len(names) > 1 else "")


def check_count(count: int, where: str, limits: Limits) -> None:
    """Checks how many rows a request has.

    Raises:
        BadRequest: if they are too many.
    """
    if count > limits.max_texts:
        raise BadRequest(
            f"{where} has {count:,} texts, and a request at most {limits.max_texts:,} "
            "(--max-texts)",
            413,
            "texts",
        )


def check_texts(
    columns: Sequence[Sequence[str]], place: Callable[[int, int], str], limits: Limits
) -> None:
    """Checks that all texts can be read.

    Args:
        columns: N strings for each input.
        place: says where the text of a row, for the input of an index, stands.
        limits: the server's `Limits`.

    Raises:
        BadRequest: if one cannot; the first is named, the others are counted.
    """
    problems = [
        (row, column, problem)
        for column, texts in enumerate(columns)
        for row, text in enumerate(texts)
        if (problem := _problem(text, limits))
    ]
    if not problems:
        return
    row, column, problem = min(problems, key=lambda found: found[:2])
    others = len(problems) - 1
    more = f"; {plural(others, 'other text')} cannot be read, either" if others else ""
    kind = "characters" if problem.startswith("has ") else "text"
    raise BadRequest(f"{place(row, column)} {problem}{more}", 422, kind)


def _problem(text: str, limits: Limits) -> str:
    if len(text) > limits.max_characters:
        return (
            f"has {len(text):,} characters, and a text at most {limits.max_characters:,} "
            "characters (--max-characters)"
        )
    if (position := text.find("\0")) >= 0:
        return f"holds the character NUL, at position {position:,}"
    if not text.isascii() and not is_utf8(text):
        return "holds half of a surrogate pair, which is no character"
    return ""
