"""A user's text in pieces: its words with what they add to a prediction, and what is folded."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mtc_keras.pages.blocks import Text

AT_ONCE = 600  # characters of a text that are seen at once
MOST = 10_000  # characters of a text that a page holds


class Piece(NamedTuple):
    """A piece of a text; of a word with a value also its sign and strength, in per cent."""

    text: str
    sign: str = ""
    strength: str | None = None
    value: str = ""


@dataclass(frozen=True)
class Pieces:
    """A text: what is seen at once, what is folded, and how many characters there are in all."""

    seen: Sequence[Piece]
    folded: Sequence[Piece]
    length: int

    @property
    def summary(self) -> str:
        """What the folded pieces are."""
        if self.length > MOST:
            return f"… the first {MOST:,} of {self.length:,} characters"
        return f"… {self.length - AT_ONCE:,} more characters"


def pieces_of(item: Text) -> Pieces:
    """Returns a text in pieces.

    Words that are not found in the text, as where a tokenizer has changed them, stand one after
    another with a blank between.
    """
    pieces = list(_pieces(item) if item.words else [Piece(item.text)])
    kept, rest = _parted(pieces, AT_ONCE)
    folded, _ = _parted(rest, MOST - AT_ONCE)
    return Pieces(kept, folded, sum(len(piece.text) for piece in pieces))


def _parted(pieces: Sequence[Piece], length: int) -> tuple[list[Piece], list[Piece]]:
    """Returns pieces of so many characters, and the others."""
    first: list[Piece] = []
    for number, piece in enumerate(pieces):
        if len(piece.text) > length:
            start, end = piece.text[:length], piece.text[length:]
            split = [piece._replace(text=start)] if start else []
            return [*first, *split], [piece._replace(text=end), *pieces[number + 1 :]]
        first.append(piece)
        length -= len(piece.text)
    return first, []


def _pieces(item: Text) -> Iterator[Piece]:
    """Yields the words of a text with what lies between them."""
    words = list(item.words or ())
    most = max((abs(value) for _, value in words if math.isfinite(value)), default=0.0) or 1.0
    places = _places(item.text, [word for word, _ in words])
    end = 0
    for number, (word, value) in enumerate(words):
        if places is None:
            gap = " " if number else ""
        else:
            gap, end = item.text[end : places[number]], places[number] + len(word)
        if gap:
            yield Piece(gap)
        yield _worth(Piece(word), value, most)
    if places is not None and item.text[end:]:
        yield Piece(item.text[end:])


def _places(text: str, words: list[str]) -> list[int] | None:
    """Returns where each word begins, or `None` if one is not there."""
    places, end = [], 0
    for word in words:
        place = text.find(word, end)
        if place < 0:
            return None
        places.append(place)
        end = place + len(word)
    return places


def _worth(piece: Piece, value: float, most: float) -> Piece:
    if not math.isfinite(value) or value == 0:
        return piece
    return piece._replace(
        sign="for" if value > 0 else "against",
        strength=f"{100 * min(1.0, abs(value) / most):.0f}",
        value=f"{value:+.3f}".replace("-", "−"),
    )
