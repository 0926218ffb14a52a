"""Predicts rows as they are read, of which only a thousand are in memory."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

from mtc_keras.data.formats.faults import PassedOver
from mtc_keras.data.formats.files import read_stream
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.inputs import BadRow, Inputs, inputs_of, lacking_texts, read_inputs
from mtc_keras.data.sources import expand
from mtc_keras.errors import DataError
from mtc_keras.predict.predictor import Predictor
from mtc_keras.predict.rows import predict_inputs
from mtc_keras.programs.options import STDIN
from mtc_keras.tasks.predictions import Shown

ROWS_AT_ONCE = 1_000


def predict_stream(
    predictor: Predictor,
    files: list[str],
    shown: Shown,
    *,
    on_bad: Callable[[str], None],
    on_note: Callable[[str], None],
) -> Iterator[dict[str, Any]]:
    """Yields the rows of files, or of standard input, with their predictions.

    Args:
        predictor: the `Predictor`; it is loaded here.
        files: paths and globs, or `[STDIN]` for lines of JSON from standard input.
        shown: the `Shown`.
        on_bad: takes place and reason of each row that is left out.
        on_note: takes lines for people on what can be read in two ways.

    Raises:
        DataError: if a file cannot be read, or has no text column.
    """
    for inputs in stream_inputs(predictor, files, on_bad=on_bad, on_note=on_note):
        yield from predict_inputs(predictor, inputs, shown).rows()


def stream_inputs(
    predictor: Predictor,
    files: list[str],
    *,
    on_bad: Callable[[str], None],
    on_note: Callable[[str], None],
) -> Iterator[Inputs]:
    """Yields the rows of files, or of standard input, for a predictor, which is loaded before.

    Args:
        predictor: the `Predictor`.
        files: paths and globs, or `[STDIN]` for lines of JSON from standard input.
        on_bad: takes place and reason of each row that is left out.
        on_note: takes lines for people on what can be read in two ways.

    Raises:
        DataError: if a file cannot be read, or has no text column.
    """
    paths = files if files == [STDIN] else expand(files)
    predictor.load()
    for path in paths:
        is_first = True
        notes: list[str] = []
        for inputs, bad in _read(path, predictor, notes):
            for place, reason in bad:
                on_bad(f"{path}:{place}: {reason}")
            if inputs.names and is_first:
                is_first = False
                for problem in lacking_texts(path, inputs.names, predictor.data):
                    raise DataError(problem)
            if len(inputs):
                yield inputs
        for note in notes:
            on_note(note)


def _read(
    path: str, predictor: Predictor, notes: list[str]
) -> Iterator[tuple[Inputs, list[BadRow]]]:
    if path == STDIN:
        broken = PassedOver(STDIN)
        layout = Layout.of(predictor.data)
        blocks = read_stream(sys.stdin.buffer, STDIN, ROWS_AT_ONCE, broken, layout)
        yield from inputs_of(blocks, predictor.data, broken)
        return
    try:
        yield from read_inputs(path, predictor.data, ROWS_AT_ONCE, notes=notes)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
