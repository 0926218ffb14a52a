"""What SentencePiece's map of characters makes of plain letters in a row, such as of two quotes.

`normalizers.Precompiled` of the package `tokenizers` looks up one letter with its marks at a time,
so that it never finds those.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

FIRST, LAST = 1, 0x7F  # ASCII; other letters are no sequences of which a map is known
# The parts of a unit of a double array, as darts-clone writes them.
LABEL, VALUE, HAS_VALUE = 0x8000_00FF, 0x7FFF_FFFF, 1 << 8


def letters_in_a_row(charsmap: bytes) -> dict[str, str]:
    """Returns what a map makes of each sequence of ASCII characters that it has an entry for.

    Args:
        charsmap: the `precompiled_charsmap` of a SentencePiece model. Of a damaged one, whatever
            it says is returned.
    """
    size = int.from_bytes(charsmap[:4], "little")
    array = charsmap[4 : 4 + size]
    units = np.frombuffer(array, "<u4", len(array) // 4).tolist()
    results = charsmap[4 + size :]
    return {
        sequence: results[place:].split(b"\0", 1)[0].decode("utf-8", "replace")
        for sequence, place in _entries(units)
        if len(sequence) > 1
    }


def replacements(charsmap: bytes) -> list[Any]:
    """Returns steps of `tokenizers` that do, before all others, what `letters_in_a_row` returns."""
    from tokenizers import Regex, normalizers

    sources: dict[str, list[str]] = {}  # by their results, the longest first
    for sequence, result in sorted(letters_in_a_row(charsmap).items(), key=lambda x: -len(x[0])):
        sources.setdefault(result, []).append(sequence)
    return [
        normalizers.Replace(Regex("|".join(map(_spelt, found))), result)
        for result, found in sources.items()
    ]


def _spelt(sequence: str) -> str:
    return "".join(f"\\x{ord(letter):02X}" for letter in sequence)


def _entries(units: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Yields the keys of a double array, and where their results begin."""
    nodes = [(_offset(units[0]), "")] if units else []
    seen = set()
    while nodes:
        node, before = nodes.pop()
        for code in range(FIRST, LAST + 1):
            place = node ^ code
            if place >= len(units) or units[place] & LABEL != code or place in seen:
                continue
            seen.add(place)
            below, key = place ^ _offset(units[place]), before + chr(code)
            if units[place] & HAS_VALUE and below < len(units):
                yield key, units[below] & VALUE
            nodes.append((below, key))


def _offset(unit: int) -> int:
    return (unit >> 10) << ((unit & (1 << 9)) >> 6)
