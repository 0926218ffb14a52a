"""From files or DataFrames to encoded splits; all that is wrong is told at once."""

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas
from pydantic import ValidationError

from mtc_keras.config import Config, DataConfig
from mtc_keras.data.rows import Rows, encode_rows, label_cells, rename_columns, report
from mtc_keras.data.splits import split
from mtc_keras.data.tables import from_frame, hash_files, read_table
from mtc_keras.errors import ConfigError, DataError, did_you_mean, listed, plural
from mtc_keras.tasks import Task

SPLITS = ("train", "validation", "test")
Source = pandas.DataFrame | Iterable[dict[str, Any]]
Tables = dict[str, pandas.DataFrame]


@dataclass(frozen=True, eq=False)
class Dataset:
    """What one training reads.

    Args:
        tasks: the tasks in the config's order, their classes known.
        train: the training rows.
        validation: the validation rows, or `None`.
        test: the test rows, or `None`.
        files: SHA-256 of each data file, by path.
        notes: lines for people, such as how many rows were left out.
    """

    tasks: list[Task]
    train: Rows
    validation: Rows | None
    test: Rows | None
    files: dict[str, str]
    notes: list[str]


def read_splits(config: Config, frames: Mapping[str, Source] | None = None) -> Dataset:
    """Reads, checks and encodes the splits of a config.

    Args:
        config: the `Config`.
        frames: optional dict from a split's name to a DataFrame (or an iterator of dicts)
            in place of its files.

    Returns:
        The `Dataset`. Classes are learned from all training rows, before any split.

    Raises:
        ConfigError: if there are no training data, or the reader cannot be imported.
        DataError: with everything that is wrong in the data.
    """
    data, problems = config.data, list[str]()
    notes: list[str] = []
    tables, files = _read_tables(data, frames or {}, problems)
    all_read = not problems
    tables = _rename(tables, data, problems, check_names=all_read)
    tasks, unlearned = _learn(config.task_list, tables, problems, check_names=all_read)
    rows = {
        name: encode_rows(table, tasks, data, name, problems, unlearned=unlearned)
        for name, table in tables.items()
    }
    _raise(problems)

    if data.limit is not None and data.limit < len(rows["train"]):
        notes.append(f"data.limit: {data.limit:,} of {len(rows['train']):,} training rows are kept")
        order = np.random.default_rng(config.seed).permutation(len(rows["train"]))
        rows["train"] = rows["train"].take(np.sort(order[: data.limit]))
    if "validation" not in rows and isinstance(data.validation, (int, float)):
        rows |= _split(rows["train"], tasks, data.validation, config.seed, problems)
        notes.append(f"validation: {len(rows.get('validation', ())):,} training rows are split off")
    notes += _check_coverage(rows, tasks, problems)
    _raise(problems)
    tasks = [task.measure(rows["train"].targets[task.name]) for task in tasks]
    return Dataset(tasks, rows["train"], rows.get("validation"), rows.get("test"), files, notes)


def only_task(dataset: Dataset, task: Task) -> Dataset:
    """Returns a dataset of one task: the rows that carry its label, and its label alone."""

    def own(rows: Rows) -> Rows:
        kept = rows.take(np.flatnonzero(task.labelled(rows.targets[task.name])))
        weights = kept.sample_weight
        return replace(
            kept,
            targets={task.name: kept.targets[task.name]},
            sample_weight=weights and {task.name: weights[task.name]},
        )

    validation = own(dataset.validation) if dataset.validation else None
    test = own(dataset.test) if dataset.test else None
    # Only a test split may lack a task's labels: it is as if there were none.
    return replace(
        dataset, tasks=[task], train=own(dataset.train), validation=validation, test=test or None
    )


def read_rows(
    source: str | list[str] | Source,
    tasks: Sequence[Task],
    data: DataConfig,
    name: str,
) -> Rows:
    """Reads rows for a trained model.

    Args:
        source: files, a DataFrame or an iterator of dicts.
        tasks: the learned tasks; none to read texts and ids alone.
        data: the run's `[data]`.
        name: the split's name.

    Raises:
        DataError: with everything that is wrong in the data.
    """
    problems: list[str] = []
    is_files = isinstance(source, str) or (
        isinstance(source, list) and all(isinstance(path, str) for path in source)
    )
    table = read_table(source) if is_files else from_frame(source, name)  # type: ignore[arg-type]
    table = rename_columns(table, data, name, problems)
    rows = encode_rows(table, tasks, data, name, problems, labels_required=bool(tasks))
    if tasks and not problems and not any(rows.coverage(tasks).values()):
        columns = listed([str(task.path) for task in tasks], 40)
        problems.append(f"{name}: no row has a label for any task; expected columns {columns}")
    _raise(problems)
    return rows


def _read_tables(
    data: DataConfig, frames: Mapping[str, Source], problems: list[str]
) -> tuple[Tables, dict[str, str]]:
    """Returns the tables that can be read, and the hashes of the files."""
    reader = _import_reader(data.reader) if data.reader else None
    if data.train is None and reader is None and frames.get("train") is None:
        raise ConfigError(
            "data.train: is required: name a file, a glob, a list of them, or give data.reader"
        )
    tables: Tables = {}
    files: dict[str, str] = {}
    for name in SPLITS:
        source = getattr(data, name)
        key = f"data.{name}: "
        try:
            if frames.get(name) is not None:
                tables[name] = from_frame(frames[name], name)
            elif isinstance(source, (str, list)):
                tables[name] = read_table(source)
                files |= hash_files(source)
            elif reader is not None and source is None:  # a number splits off validation
                key = f"data.reader {data.reader!r}: "
                rows = reader(name)
                if rows is not None:
                    tables[name] = from_frame(rows, name)
                elif name == "train":
                    raise DataError("returned None for 'train'")
        except DataError as error:
            problems += [key + problem for problem in error.problems or [error.headline]]
    return tables, files


def _import_reader(path: str) -> Callable[[str], Source | None]:
    module_name, _, function_name = path.partition(":")
    problem = f"data.reader: {path!r} cannot be imported: "
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ConfigError(f"{problem}{error}") from None
    reader = getattr(module, function_name, None)
    if not callable(reader):
        hint = did_you_mean(function_name, vars(module))
        raise ConfigError(f"{problem}{module_name} has no function {function_name!r}.{hint}")
    return reader


def _rename(tables: Tables, data: DataConfig, problems: list[str], check_names: bool) -> Tables:
    columns = _columns(tables)
    for old in data.rename if check_names else ():
        if old not in columns:
            problems.append(
                f"data.rename: no file has a column {old!r}.{did_you_mean(old, columns)} "
                f"Columns: {listed(columns)}"
            )
    return {name: rename_columns(table, data, name, problems) for name, table in tables.items()}


def _learn(
    tasks: Sequence[Task], tables: Tables, problems: list[str], check_names: bool
) -> tuple[list[Task], set[str]]:
    """Returns the tasks, learned where they can be, and the names of the others."""
    columns = _columns(tables)
    learned: dict[str, Task] = {}
    for task in tasks:
        absent = [name for name in task.path.names if name not in columns]
        try:
            if absent and check_names:
                raise ValueError(
                    f"no file has a column {absent[0]!r}.{did_you_mean(absent[0], columns)} "
                    f"Columns: {listed(columns)}"
                )
            if "train" in tables and not absent:
                learned |= _learn_task(task, tables["train"], problems)
        except ValueError as error:
            problems.append(f"tasks.{task.name}: {_message(error)}")
    unlearned = {task.name for task in tasks} - set(learned)
    return [learned.get(task.name, task) for task in tasks], unlearned


def _learn_task(task: Task, table: pandas.DataFrame, problems: list[str]) -> dict[str, Task]:
    """Returns the learned task by its name; nothing where its cells cannot be read."""
    cells, mistakes = label_cells(table, task)
    if not all(task.is_missing(cell) for cell in cells):
        return {task.name: task.learn(cells)}
    if not mistakes:
        raise ValueError(f"every label is missing in train (column {str(task.path)!r})")
    problems += report(table, mistakes, f"tasks.{task.name}")
    return {}


def _message(error: ValueError) -> str:
    """Returns the message itself, also of pydantic's error, which wraps it."""
    if isinstance(error, ValidationError):
        return error.errors()[0]["msg"].removeprefix("Value error, ")
    return str(error)


def _columns(tables: Tables) -> list[str]:
    return list(dict.fromkeys(name for table in tables.values() for name in table.columns))


def _split(
    rows: Rows, tasks: Sequence[Task], validation: int | float, seed: int, problems: list[str]
) -> dict[str, Rows]:
    indicators = [task.class_indicator(rows.targets[task.name]) for task in tasks]
    # A task with few labels keeps its share of them, also where a row has none of the classes.
    indicators += [task.labelled(rows.targets[task.name])[:, None] for task in tasks]
    try:
        train, held_out = split(np.concatenate(indicators, axis=1), validation, seed)
    except ValueError as error:
        problems.append(f"data.validation: {error}")
        return {}
    return {
        "train": rows.take(train),
        "validation": replace(rows.take(held_out), name="validation"),
    }


def _check_coverage(
    rows: Mapping[str, Rows], tasks: Sequence[Task], problems: list[str]
) -> list[str]:
    """Reports splits that leave a task without labels; returns notes on the test split."""
    notes = []
    for name, split_rows in rows.items():
        coverage = split_rows.coverage(tasks)
        unlabelled = [task for task, count in coverage.items() if not count]
        if name == "test" and len(unlabelled) < len(tasks):
            notes += [f"test: no row has a label for task {task!r}" for task in unlabelled]
        else:
            problems += [
                f"tasks.{task}: no row of {name} has a label; at least one must"
                for task in unlabelled
            ]
    return notes


def _raise(problems: list[str]) -> None:
    if problems:
        raise DataError(f"data: {plural(len(problems), 'problem')}", problems)
