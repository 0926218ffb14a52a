"""What the tests of layouts share: a file, a config, and what was read and told."""

from pathlib import Path
from typing import Any

from mtc_keras.config import Config, DataConfig, check_config
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.inputs import read_inputs
from mtc_keras.data.reading import read_splits
from mtc_keras.data.sources import file_blocks
from mtc_keras.errors import DataError

LABEL: dict[str, dict[str, Any]] = {"label": {"kind": "multiclass"}}


def write(name: str, content: str | bytes) -> str:
    """Writes a file as it is given; returns its name."""
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def training(name: str | list[str], tasks: dict | None = None, **data: Any) -> Config:
    """Returns the config of a training of one task, or of others."""
    tasks = LABEL if tasks is None else tasks
    return check_config({"data": {"train": name, **data}, "tasks": tasks})


def read(name: str, tasks: dict | None = None, **data: Any) -> tuple[dict[str, list], list[str]]:
    """Returns the cells of a file by column as a training reads them, and what is told of it."""
    config = training(name, tasks, **data)
    notes: list[str] = []
    columns: dict[str, list] = {}
    layout = Layout.of(config.data, config.task_list)
    for block in file_blocks(name, notes=notes, layout=layout):
        for column, cells in block.columns.items():
            columns.setdefault(column, []).extend(cells)
    return columns, notes


def problems(name: str | list[str], tasks: dict | None = None, **data: Any) -> list[str]:
    """Returns what is wrong with the files of a training."""
    try:
        read_splits(training(name, tasks, **data))
    except DataError as error:
        return error.problems or [error.headline]
    raise AssertionError("nothing was refused")


def predicted(name: str, rows: int = 100, **data: Any) -> tuple[list[str], list[tuple], list[str]]:
    """Returns the texts of a file of rows to predict, the bad rows, and what is told of it."""
    texts: list[str] = []
    bad: list[tuple] = []
    notes: list[str] = []
    for inputs, faults in read_inputs(name, DataConfig(**data), rows, notes=notes):
        texts += inputs.texts[0]
        bad += faults
    return texts, bad, notes
