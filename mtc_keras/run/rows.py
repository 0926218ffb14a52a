"""The labelled rows on which a finished run is judged or calibrated."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mtc_keras.config import DataConfig, reread
from mtc_keras.errors import ConfigError
from mtc_keras.run.directory import Run
from mtc_keras.tasks import Task

if TYPE_CHECKING:
    from mtc_keras.data.rows import Rows
    from mtc_keras.data.sources import Files, OwnRows

    Data = Files | Path | list[Path] | dict[str, Path] | OwnRows


def as_run(run: Run | str | Path) -> Run:
    """Returns a run itself, or that of a directory."""
    return run if isinstance(run, Run) else Run(run)


def labelled_files(
    run: Run, data: "Data | None", split: Literal["validation", "test"]
) -> tuple["Data", str]:
    """Returns where labelled rows come from, and what they are called.

    Args:
        run: the run.
        data: files or rows in the run's format; `None` for those of the config.
        split: which of the config's files; or which rows of data.train, by the column data.split.

    Raises:
        ConfigError: if there are neither.
    """
    if data is None:
        config = run.config.data
        files = getattr(config, split) if _has_files(config, split) else config.train
        if files is None or not (_has_files(config, split) or config.split):
            raise ConfigError(_without_rows(run, split))
        return files, split
    from mtc_keras.data.sources import are_files, named

    source = with_names(data)
    return source, ", ".join(named(source)) if are_files(source) else "the given rows"


def labelled_rows(
    run: Run,
    data: "Data | None",
    split: Literal["validation", "test"],
    *,
    reading: Mapping[str, Any] | None = None,
    reader: bool = False,
    slices: Sequence[str] = (),
) -> "Rows":
    """Returns the encoded rows of `labelled_files`.

    Args:
        run: the run.
        data: what `labelled_files` takes.
        split: what `labelled_files` takes.
        reading: keys that `config.reread` takes, for files that are laid out in another way.
        reader: bool. Whether the rows are those of the run's own reader.
        slices: columns by whose values the rows are to be judged apart.

    Raises:
        ConfigError: if there are none.
        DataError: with everything that is wrong in them.
    """
    from mtc_keras.data.reading import read_rows

    config = reread(run.config, reading)
    if reader:
        if data is not None:
            raise ConfigError("the run's reader takes the place of files: leave one of them out")
        own = reader_rows(run, split)
        return read_rows(own, config.task_list, config.data, split, slices=slices)
    source, name = labelled_files(run, data, split)
    # The config's own files of a split are read whole, whatever their column of splits says.
    chosen = None if data is None and _has_files(config.data, split) else split
    return read_rows(
        source,  # type: ignore[arg-type]
        config.task_list,
        config.data,
        name,
        chosen,
        slices=slices,
    )


def source_of_test(data: DataConfig) -> object:
    """Returns what decides the test rows of a config: its files, or a column of splits."""
    if data.test is not None or not data.split:
        return data.test
    return data.train, data.split, data.split_values


def _has_files(data: DataConfig, split: str) -> bool:
    files = getattr(data, split)
    return files is not None and not isinstance(files, (int, float))


def reader_rows(run: Run, split: Literal["validation", "test"]) -> "OwnRows":
    """Calls a run's own `data.reader`, which is code of whoever made the run.

    Raises:
        ConfigError: if the run has none, or it has no such rows.
    """
    path = run.config.data.reader
    if path is None:
        raise ConfigError(f"run {str(run.directory)!r} has no data.reader: name files of rows")
    from mtc_keras.data.split_sources import import_reader

    rows = import_reader(path)(split)
    if rows is None:
        raise ConfigError(f"data.reader {path!r} has no {split} rows: it returned None")
    return rows


def text_rows(
    run: Run, data: "Data", name: str, *, reading: Mapping[str, Any] | None = None
) -> "Rows":
    """Returns rows in a run's format, of which only texts and ids are read.

    Raises:
        DataError: with everything that is wrong in them.
    """
    from mtc_keras.data.reading import read_rows

    return read_rows(with_names(data), [], reread(run.config, reading).data, name)


def unlabelled_notes(rows: "Rows", tasks: Sequence[Task]) -> list[str]:
    """Returns a line for each task for which no row has a label."""
    return [
        f"{rows.name}: no row has a label of {task.name} (column {str(task.path)!r})"
        for task in tasks
        if not task.labelled(rows.targets[task.name]).any()
    ]


def _without_rows(run: Run, split: str) -> str:
    """Returns the message that neither a run nor its user names rows of a split."""
    reader = run.config.data.reader
    if reader is None:
        return f"the config of {run.directory} names no {split} file: give --data FILE"
    return (
        f"the config of {run.directory} names no {split} file, but a reader, {reader!r}, which is "
        "code: --reader calls it (in Python, reader=True), or give --data FILE"
    )


def with_names(data: Any) -> Any:
    """Returns files as `Files`, by their names, and rows in memory as they are."""
    if isinstance(data, Path):
        return str(data)
    if isinstance(data, dict) and all(isinstance(path, (str, Path)) for path in data.values()):
        return {column: str(path) for column, path in data.items()}
    if isinstance(data, (list, tuple)) and all(isinstance(path, (str, Path)) for path in data):
        return _by_column([str(path) for path in data])
    return data


def _by_column(paths: list[str]) -> list[str] | dict[str, str]:
    """Returns paths, or parallel files where they are written as `column=path`."""
    if not all("=" in path and not os.path.exists(path) for path in paths):
        return paths
    return dict(path.split("=", 1) for path in paths)
