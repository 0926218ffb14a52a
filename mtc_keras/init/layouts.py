"""Files without a header, whose columns get names."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mtc_keras.config import DataConfig, reread_data
from mtc_keras.data.formats.delimiters import cells_of, delimiter_of
from mtc_keras.data.formats.dialects import OF_TEXTS
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.sources import Files
from mtc_keras.errors import DataError
from mtc_keras.init.survey import Survey, survey_files

# What reading proposes for a file whose first row is no header, or whose cells it would not split.
_FOUND = {
    "delimiter": re.compile(r": its cells are separated by '(.+?)'"),
    "encoding": re.compile(r": is read as ([\w-]+), first"),
}
_PROPOSED = re.compile(r"data\.(delimiter|header) = (\"(?:[^\"\\]|\\.)*\"|\[.*?\"\])")


def survey_laid_out(files: Files, reading: Mapping[str, Any]) -> tuple[Survey, dict[str, Any]]:
    """Reads files, without a header, too.

    Args:
        files: their paths, or those of parallel files by column.
        reading: keys of `[data]` that say how they are read.

    Returns:
        What they hold, and the keys with which they were read.

    Raises:
        DataError: if they cannot be read.
    """
    keys = {name.removeprefix("data."): value for name, value in reading.items()}
    try:
        survey = survey_files(files, Layout.of(reread_data(DataConfig(), keys)))
    except DataError as error:
        message = "\n".join(error.problems or [error.headline])
        proposed = {name: json.loads(value) for name, value in _PROPOSED.findall(message)}
        if not proposed or proposed.keys() & keys.keys():
            raise
    else:
        proposed = {} if "delimiter" in keys else _delimiter_in_texts(survey)
        if not proposed:
            return survey, keys
    return survey_laid_out(files, {**keys, **proposed})


def found_keys(notes: Sequence[str]) -> dict[str, str]:
    """Returns keys that would say what reading has found out, where it is one thing."""
    found = {
        key: {match[1] for note in notes if (match := pattern.search(note))}
        for key, pattern in _FOUND.items()
    }
    return {key: values.pop() for key, values in found.items() if len(values) == 1}


def _delimiter_in_texts(survey: Survey) -> dict[str, str]:
    """Returns what separates cells in lines that were read as texts, if they are all so."""
    if list(survey.columns) != ["text"]:
        return {}
    lines = [cell for cell in survey.compared["text"] if isinstance(cell, str) and cell]
    found = delimiter_of(lines, Layout())
    return {"delimiter": found} if found in OF_TEXTS or _shows_labels(lines, found) else {}


def _shows_labels(lines: Sequence[str], delimiter: str) -> bool:
    """Whether a delimiter makes a column whose cells recur; one that texts have does not."""
    rows = cells_of(lines, delimiter) if delimiter else []
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        return False
    return any(2 * len(set(column)) <= len(column) for column in zip(*rows, strict=True))
