"""Letters and their marks, as SentencePiece's tables of characters compose them.

Such a table replaces the longest sequence of characters that it has, from left to right: "e" with
an accent becomes "é", "é" with another accent stays the two. `normalizers.Precompiled` of the
package `tokenizers` looks up a letter with all its marks at once and takes the shortest entry, so
that it drops marks. Here letters are composed before, and what is left of marks stands alone.
"""

import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any

FIRST_MARK, LAST_MARK = 0x300, 0x36F  # of letters of Europe and Vietnam
JOINED = r"(?!\A)(?=[\p{M}\p{Cf}])|(?<=\r)(?=\n)"  # by readers, to what stands before


def letters_and_marks(apart: str) -> list[Any]:
    """Returns steps of `tokenizers` that compose letters and set what does not compose apart.

    Args:
        apart: str. A control character, which stands between them then.
    """
    from tokenizers import Regex, normalizers

    # `tokenizers` loses count of letters where nothing, at the very beginning, becomes something.
    return [
        normalizers.Replace(Regex(rf"(?!\A)(?=\p{{M}})(?:{_not_composed()})"), apart),
        normalizers.NFC(),
        normalizers.Replace(Regex(JOINED), apart),
    ]


@cache
def _not_composed() -> str:
    """Returns a pattern of the places before marks that no table composes, and Unicode would.

    It composes a letter that has a mark already, marks in another order than its own, and a mark
    that comes after one that does not compose.
    """
    letters = {c: unicodedata.normalize("NFD", chr(c)) for c in range(0x80, 0x2000)}
    letters = {c: apart for c, apart in letters.items() if len(apart) > 1}
    marks: dict[int, list[int]] = {}
    for mark in range(FIRST_MARK, LAST_MARK + 1):
        marks.setdefault(unicodedata.combining(chr(mark)), []).append(mark)
    classes = sorted(kind for kind in marks if kind)
    bases: dict[str, set[int]] = {}  # by the marks that they compose with
    for apart in letters.values():
        for end in range(2, len(apart) + 1):
            bases.setdefault(apart[1:end], set()).add(ord(apart[0]))
    composing = [_one_of(found) + _spelt(map(ord, after)) for after, found in bases.items()]
    places = [f"(?<={_one_of(letters)})", rf"(?<=\p{{M}})(?<!{'|'.join(composing)})"]
    for number, kind in enumerate(classes[1:], 1):
        lower = [mark for other in classes[:number] for mark in marks[other]]
        places.append(f"(?<={_one_of(marks[kind])})(?={_one_of(lower)})")
    return "|".join(places)


def _one_of(codes: Iterable[int]) -> str:
    return f"[{_spelt(sorted(codes))}]"


def _spelt(codes: Iterable[int]) -> str:
    """Returns characters as a pattern has them; `tokenizers` cannot print what is no ASCII."""
    return "".join(f"\\x{{{code:X}}}" for code in codes)
