"""From a part to its file."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mtc_keras.config import DataConfig
from mtc_keras.data.inputs import Inputs, read_inputs
from mtc_keras.errors import DataError
from mtc_keras.files import sha256, written_whole
from mtc_keras.predict.bulk.columns import csv_columns, prediction_types
from mtc_keras.predict.bulk.formats import write_rows
from mtc_keras.predict.bulk.job import Job, Part
from mtc_keras.predict.predictor import Predictor
from mtc_keras.predict.predictors import open_predictor
from mtc_keras.tasks.predictions import prediction_columns


def predict_here(job: Job, parts: Sequence[Part], predictor: Predictor) -> Iterator[dict[str, Any]]:
    """Returns what `PartPredictor.predict` returns of each part, as this process writes it."""
    return map(PartPredictor(job, predictor).predict, parts)  # loaded before anything is written


class PartPredictor:
    """Predicts parts with a model that is loaded once.

    Args:
        job: the `Job`.
        predictor: optional `Predictor` of its model.
    """

    def __init__(self, job: Job, predictor: Predictor | None = None) -> None:
        self.job = job
        self.predictor = predictor or open_predictor(job.model, job.check, job.options.reading)
        self.predictor.load()
        self.reader = PartReader(job, self.predictor.data)

    def predict(self, part: Part) -> dict[str, Any]:
        """Writes a part; returns what the manifest says of it."""
        options, predictor = self.job.options, self.predictor
        rows = self.reader.read(part)
        columns = {name: rows.columns.get(name) or [None] * len(rows) for name in self.job.types}
        predicted = prediction_columns(
            predictor.tasks, predictor.predict(rows.texts), predictor.decisions, options.shown
        )
        is_csv = self.job.form.startswith("csv")
        columns |= csv_columns(predictor.tasks, predicted) if is_csv else predicted
        types = {**self.job.types, **prediction_types(predictor.tasks, options.shown)}
        path = Path(self.job.out) / part.name(self.job.form)
        with written_whole(path) as file:
            write_rows(file, self.job.form, columns, types)
        return {
            "part": part.number,
            "file": path.name,
            "input": part.file,
            "rows": len(rows),
            "bytes": path.stat().st_size,
            "sha256": sha256(path),
        }


class PartReader:
    """Reads the rows of parts; fast if they come in the order of the files.

    Args:
        job: the `Job`.
        data: names the text columns.
    """

    def __init__(self, job: Job, data: DataConfig) -> None:
        self.job, self.data = job, data
        self._file = ""
        self._blocks: Iterator[tuple[int, Inputs]] = iter(())
        self._at = -1  # the block read last

    def read(self, part: Part) -> Inputs:
        """Reads forward to a part; from the file's beginning if it lies behind.

        Raises:
            DataError: if the file is gone, or does not have the rows of the parts.
        """
        if part.file != self._file or part.block <= self._at:
            self._file = part.file
            path = os.path.join(self.job.folder, part.file)
            read = read_inputs(path, self.data, self.job.options.rows_per_part)
            self._blocks = enumerate(rows for rows, _ in read)
        try:
            for at, rows in self._blocks:
                self._at = at
                if at == part.block:
                    if len(rows) != part.rows:
                        break
                    return rows
        except OSError as error:
            raise DataError(f"{part.file}: cannot be read: {error.strerror or error}") from None
        raise DataError(f"{part.file}: has changed while it was read")
