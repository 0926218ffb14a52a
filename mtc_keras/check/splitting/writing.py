"""The parts of a split written into a folder, and read again to see that they are what was read."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtc_keras.check.splitting.copying import copy_rows, written_name
from mtc_keras.check.splitting.rows_of_files import IGNORED, NO_TEXT, Places
from mtc_keras.config import Config
from mtc_keras.data.dataset import Dataset
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.reading import read_rows
from mtc_keras.data.sources import Files
from mtc_keras.errors import DataError, UserError


@dataclass(frozen=True)
class WrittenFile:
    """A new file.

    Args:
        name: its path in the folder.
        column: the column that it holds, if it is a parallel one.
    """

    name: str
    column: str | None


def write_parts(
    folder: Path, names: Sequence[str], parts: Sequence[np.ndarray], places: Places, config: Config
) -> dict[str, list[WrittenFile]]:
    """Writes the files of each part.

    Args:
        folder: where they are written.
        names: the names of the parts.
        parts: the positions of the rows of each among all N rows that were read.
        places: where these stand.
        config: what they were read by.

    Returns:
        The files by part. A part has no file of which it has no row.

    Raises:
        DataError: if rows of a file cannot be written one by one.
    """
    part_of = np.zeros(sum(map(len, parts)) + 2, "int64")  # the last two for rows that are none
    for number, rows in enumerate(parts):
        part_of[rows] = number
    part_of[NO_TEXT], part_of[IGNORED] = 0, -1
    layout = Layout.of(config.data, config.task_list)
    found: dict[str, list[WrittenFile]] = {name: [] for name in names}
    for source, own in zip(places.files, _own_names(places), strict=True):
        inner = [_name(name, own, is_only=len(places.files) == 1) for name in names]
        paths = [folder / name for name in inner]
        written = copy_rows(source, part_of[source.rows], paths, layout)
        for part, name in enumerate(names):
            if written[part]:
                found[name].append(WrittenFile(inner[part], source.column))
    return found


def _own_names(places: Places) -> list[str]:
    """Returns a name for each file, no two of them alike."""
    names: list[str] = []
    for number, source in enumerate(places.files, 1):
        name = written_name(source.path)
        names.append(f"{number}_{name}" if name in names else name)
    return names


def _name(part: str, own: str, *, is_only: bool) -> str:
    """Returns where a part's share of a file goes: `train.csv`, or of several `train/own.csv`."""
    if not is_only:
        return f"{part}/{own}"
    stem, dot, endings = own.partition(".")
    return f"{part}{dot}{endings}" if stem else part


def files_in(directory: Path, written: Sequence[WrittenFile]) -> Files:
    """Returns new files as a config names them."""
    if written[0].column is not None:
        return {str(file.column): str(directory / file.name) for file in written}
    paths = [str(directory / file.name) for file in written]
    return paths[0] if len(paths) == 1 else paths


def check_parts(
    folder: Path,
    written: Mapping[str, Sequence[WrittenFile]],
    parts: Sequence[np.ndarray],
    dataset: Dataset,
    config: Config,
) -> None:
    """Reads all that was written and compares it with what was read.

    A part of a file may show something else than the whole: another encoding, or delimiter.

    Args:
        folder: where the files are.
        written: the files of each part.
        parts: the positions of the rows of each in the dataset's training rows.
        dataset: what was read.
        config: what it was read by.

    Raises:
        DataError: if a part is read otherwise than its rows were in the whole.
    """
    data = config.data.model_copy(update={"split": None, "split_values": {}})
    problems: list[str] = []
    for (name, files), rows in zip(written.items(), parts, strict=True):
        try:
            found = read_rows(files_in(folder, files), dataset.tasks, data, name)
        except UserError as error:
            inside = str(folder) + os.sep
            problems += [p.replace(inside, "") for p in error.problems or [error.headline]]
            continue
        if found.fingerprint != dataset.train.take(rows).fingerprint:
            problems.append(f"{name}: texts or labels are read otherwise than in the whole")
    if problems:
        raise DataError(
            "a part by itself does not show how the whole is to be read; say it in the config by "
            "data.encoding, data.delimiter, data.quoting or data.header",
            problems,
        )
