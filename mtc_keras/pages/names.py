"""Names and texts from outside, fit to be seen: nothing invisible, no wider than the room."""

import bisect
import re
import unicodedata
from collections.abc import Iterable

from mtc_keras.errors import UNSEEN

_LINES = re.compile(r"[ \t\r\n\v\f\x85\u2028\u2029]+")
# How wide characters are, as shares of the font's size; those of a wide font, DejaVu Sans.
_WIDTHS = {
    **dict.fromkeys("ijlIJ.,;:'|!()[]-/\\ ", 0.38),
    **dict.fromkeys("mwMW@%", 0.98),
    **dict.fromkeys("+<>=~#&_", 0.83),
}
_LETTER, _CAPITAL, _EAST_ASIAN = 0.62, 0.71, 1.0


def seen(text: str, *, lines: bool = False) -> str:
    """Returns a text in which what cannot be seen stands as an escape, such as `\\x00`.

    Args:
        text: str. Anything.
        lines: bool. Whether line feeds and tabs stay; else they are blanks.
    """
    if not lines:
        text = _LINES.sub(" ", text)
    return UNSEEN.sub(lambda found: _escaped(found[0]), text)


def _escaped(character: str) -> str:
    if character in "\n\t":
        return character
    return character.encode("unicode_escape").decode("ascii")


def width(text: str, size: float) -> float:
    """Returns about how wide a line of text is, in the unit of its font's size."""
    return size * sum(map(_width, text))


def _width(character: str) -> float:
    if character in _WIDTHS:
        return _WIDTHS[character]
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return _EAST_ASIAN
    return _CAPITAL if character.isupper() else _LETTER


def room_for(names: Iterable[str], size: float, most: float) -> float:
    """Returns how many pixels the widest of some names needs, and no more than `most`."""
    return min(most, max((width(seen(name), size) for name in names), default=0.0) + 2)


def shortened(name: str, room: float, size: float) -> str:
    """Returns a name, or its beginning and end with an ellipsis between, that fits into a room."""
    name = seen(name)
    if width(name, size) <= room:
        return name
    # What is kept of a name of 10,000 characters is found in 14 steps.
    kept = bisect.bisect_right(
        range(3, len(name)), room, key=lambda count: width(_middle_cut(name, count), size)
    )
    return _middle_cut(name, 2 + kept)


def _middle_cut(name: str, kept: int) -> str:
    start = (kept + 1) // 2
    return f"{name[:start].rstrip()}…{name[len(name) - (kept - start) :].lstrip()}"
