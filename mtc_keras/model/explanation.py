"""What each word of a text contributed to a prediction, as plain values."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Word:
    """A word as it stands in the text.

    Args:
        text: its characters.
        start: int. Its first character in the text.
        end: int. The one after its last.
        attribution: float, in the unit of the logit: above 0 it speaks for what is explained,
            below 0 against it. `None` for a word that the model has not read, as the text has
            more tokens than it reads.
        segment: int. 1 for a word of the second text of a text pair, else 0.
    """

    text: str
    start: int
    end: int
    attribution: float | None
    segment: int = 0


@dataclass(frozen=True)
class Explanation:
    """Which words of a text speak for a prediction, and which against it.

    The attributions of all words, and `completeness_gap`, add up to `logit - baseline_logit`.

    Args:
        text: the text, or the two of a text pair.
        task: the task's name.
        label: the class whose logit is explained, as people see it; `None` where a number is:
            the predicted number of a regression, or the position on the scale of an ordinal task.
        logit: float. What is explained, of the text.
        baseline_logit: float. The same of the baseline, the text without any of its words.
        words: the words in the order in which they stand, which cover all that was read.
        completeness_gap: float. What the attributions miss of the difference of the two logits.
        baseline: what stands in the place of each token in the baseline: `"pad"`, the padding.
        steps: int. Number of points of the path at which the gradient was computed.
    """

    text: str | tuple[str, str]
    task: str
    label: str | None
    logit: float
    baseline_logit: float
    words: tuple[Word, ...]
    completeness_gap: float
    baseline: str
    steps: int

    def top(self, most: int = 5) -> tuple[Word, ...]:
        """Returns the words of the greatest attributions, whatever their sign."""
        read = [word for word in self.words if word.attribution]
        return tuple(sorted(read, key=lambda word: -abs(word.attribution or 0.0))[:most])

    def pieces(self) -> tuple[tuple[str, float], ...]:
        """Returns the whole text in pieces: words with their attributions, what is between with 0.

        Of a text pair the two texts are joined by a line break.
        """
        found = [(text, word.attribution or 0.0 if word else 0.0) for text, word in self.parts()]
        return tuple(found)

    def parts(self) -> Iterator[tuple[str, Word | None]]:
        """Yields the whole text in pieces, each with its word, or `None` between two words."""
        texts = (self.text,) if isinstance(self.text, str) else self.text
        for segment, text in enumerate(texts):
            if segment:
                yield "\n", None
            place = 0
            for word in self.words:
                if word.segment != segment:
                    continue
                if word.start > place:
                    yield text[place : word.start], None
                yield word.text, word
                place = word.end
            if place < len(text):
                yield text[place:], None

    def to_dict(self, decimals: int | None = None) -> dict[str, Any]:
        """Returns plain values, ready for JSON.

        Args:
            decimals: optional int. Decimals of all numbers, for people; default: all there are.
        """
        found: dict[str, Any] = _rounded(asdict(self), decimals)
        return found


def _rounded(value: Any, decimals: int | None) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(item, decimals) for name, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_rounded(item, decimals) for item in value]
    return round(value, decimals) if isinstance(value, float) and decimals is not None else value
