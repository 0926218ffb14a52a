"""Predictions in memory, written to one file."""

import os
from pathlib import Path

from mtc_keras.errors import ConfigError
from mtc_keras.files import check_writable, written_whole
from mtc_keras.predict.bulk.columns import csv_columns, prediction_types
from mtc_keras.predict.bulk.formats import cell_type, write_rows
from mtc_keras.predict.bulk.outputs import file_format, listed_formats
from mtc_keras.predict.predictor import Predictor
from mtc_keras.predict.rows import Predictions
from mtc_keras.tasks.predictions import Shown


def check_file(out: str) -> Path:
    """Returns the path of a file that predictions can be written to.

    Raises:
        ConfigError: if the name is none of a file, or its directory does not exist.
    """
    path = Path(out)
    if os.path.isdir(path) or file_format(path) is None:
        raise ConfigError(f"--out {out!r}: --text needs a file, {listed_formats()}")
    check_writable(path)
    return path


def save_predictions(found: Predictions, predictor: Predictor, path: Path, shown: Shown) -> None:
    """Writes predictions in the format that the file's name says, whole or not at all."""
    form = str(file_format(path))
    types = {name: cell_type(cells) for name, cells in found.columns.items()}
    types |= prediction_types(predictor.tasks, shown)
    columns = found.columns
    if form.startswith("csv"):
        columns = csv_columns(predictor.tasks, columns)
    try:
        with written_whole(path) as file:
            write_rows(file, form, columns, types)
    except OSError as error:
        raise ConfigError(f"cannot write {str(path)!r}: {error.strerror}") from None
