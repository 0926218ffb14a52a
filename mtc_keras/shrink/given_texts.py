"""The texts of files, read some at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mtc_keras.config import DataConfig, reread_data
from mtc_keras.data.inputs import lacking_texts, read_inputs
from mtc_keras.data.sources import ROWS_AT_ONCE, expand
from mtc_keras.errors import DataError, plural
from mtc_keras.tokenization.fast import readable

TEXTS_AT_ONCE = 1000
MOST_FIRST = 2000


@dataclass
class GivenTexts:
    """The texts in columns of files, counted while they are read.

    Args:
        files: paths or globs.
        columns: the columns of texts.
        reading: keys of `[data]` that say how the files are read.

    Attributes:
        count: int. How many were read.
        first: those that were read first.
        notes: lines for people.
    """

    files: Sequence[str]
    columns: Sequence[str]
    reading: Mapping[str, Any]
    count: int = 0
    first: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _left_out: int = 0
    _fault: str = ""

    def batches(self) -> Iterator[list[str]]:
        """Yields all texts, some at once.

        Raises:
            DataError: after the last one, with all files that cannot be read or lack a column.
        """
        problems: list[str] = []
        paths = expand(list(self.files))
        for column in self.columns:  # one after the other, as a row may lack a text in one of them
            data = reread_data(DataConfig(text=column), self.reading)
            for path in paths:
                try:
                    yield from self._of_file(path, data, problems)
                except DataError as error:
                    problems += error.problems or [error.headline]
        if not self.count and not problems:
            problems = [f"no row holds a text, first {self._fault}"]
        if problems:
            raise DataError(f"texts: {plural(len(problems), 'problem')}", problems)
        if self._left_out:
            rows = plural(self._left_out, "row")
            self.notes.append(f"{rows} without a text left out, first {self._fault}")

    def _of_file(self, path: str, data: DataConfig, problems: list[str]) -> Iterator[list[str]]:
        notes: list[str] = []
        lacking: list[str] = []
        before = self.count
        for inputs, bad in read_inputs(path, data, ROWS_AT_ONCE, notes=notes):
            lacking = lacking or lacking_texts(path, inputs.names, data)
            if bad and not self._fault:
                self._fault = f"{path}:{bad[0][0]}: {bad[0][1]}"
            self._left_out += len(bad)
            texts = [readable(text) for text in inputs.texts[0]]
            self.count += len(texts)
            self.first += texts[: MOST_FIRST - len(self.first)]
            for start in range(0, len(texts), TEXTS_AT_ONCE):
                yield texts[start : start + TEXTS_AT_ONCE]
        if lacking and self.count == before:
            problems += lacking
        self.notes += [note for note in notes if note not in self.notes]
