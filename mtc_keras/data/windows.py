"""Texts of any length as windows of so many tokens, and which text each window belongs to.

Shapes: N texts, W windows of all texts together, B rows, K windows per row, T tokens (padded).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mtc_keras.data.packing import MASK
from mtc_keras.data.tokens import Tokens
from mtc_keras.tokenization.offsets import offsets_of, ranges


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows of N texts, one text after the other.

    Args:
        tokens: the `Tokens` of W windows, each with special tokens of its own.
        offsets: int64 of shape `(N + 1,)`, where each text's windows begin and the last ones end.
    """

    tokens: Tokens
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def max_length(self) -> int:
        """Tokens that the longest window may have."""
        return self.tokens.max_length

    @cached_property
    def counts(self) -> np.ndarray:
        """int64 of shape `(N,)`, windows per text."""
        return np.diff(self.offsets)

    @property
    def text_of_window(self) -> np.ndarray:
        """int64 of shape `(W,)`, the index of each window's text; ascending."""
        return np.repeat(np.arange(len(self)), self.counts)

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """The inputs of all windows, of shape `(N, K, max_length)` each."""
        most = int(self.counts.max(initial=1))
        places = np.arange(most)
        windows = np.where(places < self.counts[:, None], self.offsets[:-1, None] + places, -1)
        return self.take(windows, self.max_length)

    def take(self, windows: np.ndarray, length: int) -> dict[str, np.ndarray]:
        """Returns the inputs of some windows of several texts.

        Args:
            windows: int of shape `(B, K)`, places of windows; -1 for none.
            length: int, `T`.

        Returns:
            dict from input to array of shape `(B, K, T)`; of no window all is padding.
        """
        flat = self.tokens.take(np.maximum(windows, 0).reshape(-1), length)
        inputs = {name: array.reshape(*windows.shape, length) for name, array in flat.items()}
        none = windows < 0  # (B, K)
        for name, array in inputs.items():
            array[none] = 0 if name == MASK else self.tokens.padding[name]
        return inputs

    def sizes(self, most_windows: int) -> np.ndarray:
        """Returns the tokens of each text in a batch, if so many windows of it are drawn.

        Returns:
            int64 of shape `(N,)`: of a text of one window its length, of others full windows.
        """
        first = self.tokens.lengths[self.offsets[:-1]].astype("int64")
        drawn = np.minimum(self.counts, most_windows)
        return np.where(self.counts == 1, first, drawn * self.max_length)

    def draw(self, rows: np.ndarray, most: int, seed: tuple[int, ...]) -> np.ndarray:
        """Draws windows of some texts without replacement, a function of the seed and the text.

        Args:
            rows: int of shape `(B,)`.
            most: int, `K`. Windows of a text.
            seed: int numbers, such as those of a run and an epoch.

        Returns:
            int64 of shape `(B, K)`: places of windows, ascending in each row, -1 for none.
        """
        places = np.arange(most)
        counts = self.counts[rows]
        drawn = np.where(places < counts[:, None], places, -1)
        for at in np.flatnonzero(counts > most):
            random = np.random.default_rng([*seed, int(rows[at])])
            drawn[at] = np.sort(random.choice(counts[at], most, replace=False, shuffle=False))
        return np.where(drawn < 0, -1, drawn + self.offsets[rows, None])

    def select(self, rows: np.ndarray) -> "Windows":
        """Returns the windows of some texts."""
        rows = np.asarray(rows, "int64")
        counts = self.counts[rows]
        tokens = self.tokens.select(ranges(self.offsets[rows], counts))
        return Windows(tokens, offsets_of(counts))


def window_spans(
    lengths: np.ndarray, room: int, overlap: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns where the windows of texts begin and end.

    A text's windows begin at 0, s, 2s, …, s being `room - overlap`, until one reaches the text's
    end: the rule of `truncation` with a `stride` in the package `tokenizers`.

    Args:
        lengths: int of shape `(N,)`, tokens per text, special tokens left out.
        room: int. Tokens that a window holds, special tokens left out.
        overlap: int. Tokens that neighbouring windows share, less than `room`.

    Returns:
        int64 of shape `(N,)`, windows per text, at least one; and two of shape `(W,)`, the first
        token of each window in its text, and the one after its last.
    """
    lengths = np.asarray(lengths, "int64")
    step = room - overlap
    counts = 1 + np.maximum(-(-(lengths - room) // step), 0)
    starts = ranges(np.zeros_like(counts), counts) * step
    return counts, starts, np.minimum(starts + room, np.repeat(lengths, counts))


def joined(parts: Sequence[Windows]) -> Windows:
    """Returns the windows of several lots of texts as one."""
    if len(parts) == 1:
        return parts[0]
    counts = np.concatenate([part.counts for part in parts])
    tokens = Tokens.joined([part.tokens for part in parts])
    return Windows(tokens, offsets_of(counts))
