"""From files or a user's own rows to encoded splits; all that is wrong is in one error."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from pydantic import ValidationError

from mtc_keras.config import Config, DataConfig
from mtc_keras.data.dataset import Dataset
from mtc_keras.data.encoder import Encoder
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.group_splits import connected_groups, split_groups, split_note
from mtc_keras.data.groups import NO_GROUP
from mtc_keras.data.leaks import leak_notes
from mtc_keras.data.names import check_names, check_slices, tell_lacking
from mtc_keras.data.rows import LeftOut, Rows
from mtc_keras.data.sources import Files, OwnRows, are_files, file_blocks, hash_files, own_blocks
from mtc_keras.data.split_column import SPLITS, SplitColumn, both_named
from mtc_keras.data.split_sources import SplitSource, split_sources
from mtc_keras.data.splits import validation_size
from mtc_keras.data.strata import strata_of
from mtc_keras.errors import DataError, listed, plural
from mtc_keras.tasks import Task


def read_splits(config: Config, frames: Mapping[str, OwnRows] | None = None) -> Dataset:
    """Reads, checks and encodes the splits of a config.

    Args:
        config: the `Config`.
        frames: optional dict from a split's name to a DataFrame (or an iterator of dicts)
            in place of its files.

    Returns:
        The `Dataset`. Classes are learned from all training rows that have a text, before any
        split. Its notes say how many rows have none.

    Raises:
        ConfigError: if there are no training data, or the reader cannot be imported.
        DataError: with everything that is wrong in the data.
    """
    data = config.data
    tasks, rows, files = _read_all(config, frames or {})
    notes = [note for split_rows in rows.values() for note in split_rows.notes]
    if data.limit is not None and data.limit < len(rows["train"]):
        notes.append(f"data.limit: {data.limit:,} of {len(rows['train']):,} training rows are kept")
        order = np.random.default_rng(config.seed).permutation(len(rows["train"]))
        rows["train"] = rows["train"].take(np.sort(order[: data.limit]))
    notes += leak_notes([rows[name] for name in SPLITS if name in rows])
    problems: list[str] = []
    if "validation" not in rows and isinstance(data.validation, (int, float)):
        try:
            rows |= _split(rows["train"], tasks, config, data.validation, notes)
        except ValueError as error:
            problems.append(f"data.validation: {error}")
    notes += _check_coverage(rows, tasks, problems)
    _raise(problems)
    tasks = [task.measure(rows["train"].targets[task.name]) for task in tasks]
    return Dataset(tasks, rows["train"], rows.get("validation"), rows.get("test"), files, notes)


def _read_all(
    config: Config, own: Mapping[str, OwnRows]
) -> tuple[list[Task], dict[str, Rows], dict[str, str]]:
    """Returns the learned tasks, the rows of each split as they are read, and files' hashes."""
    data, problems = config.data, list[str]()
    tasks = config.task_list
    encoders: dict[str, Encoder] = {}
    files: dict[str, str] = {}
    failed: dict[str, list[str]] = {task.name: [] for task in tasks}  # until they are learned
    sources = split_sources(data, tasks, own)
    for name, source in sources.items():
        try:
            found = _encoders(
                name,
                source,
                tasks,
                data,
                unlearned=() if name == "train" else failed,
                slices=config.report.slices,
            )
            files |= hash_files(source.files) if source.files and found else {}
        except DataError as error:
            problems += [source.key + problem for problem in error.problems or [error.headline]]
            continue
        problems += both_named(found, sources, data)
        encoders |= found
        if name == "train" and not found[name].rename_problem() and not found[name].text_problems():
            tasks, failed = _learn(tasks, found[name])
            for encoder in list(found.values())[1:]:
                encoder.teach(tasks, failed)
    absent = check_names(tasks, data, encoders, failed, problems, all_read=not problems)
    rows = {  # popped, so that no split's parts stay in memory
        name: encoders.pop(name).rows(problems, unlearned={*failed, *absent})
        for name in list(encoders)
    }
    _raise(problems)
    return tasks, rows, files


def _encoders(
    name: str,
    source: SplitSource,
    tasks: Sequence[Task],
    data: DataConfig,
    *,
    unlearned: Collection[str],
    slices: Sequence[str],
) -> dict[str, Encoder]:
    """Reads a source; returns what has read the rows of each split in it, its own first."""
    encoders = {name: Encoder(tasks, data, name, unlearned, slices=slices)}
    blocks = source.blocks(notes=encoders[name].told)
    if blocks is None:
        return {}
    column = SplitColumn(data) if data.split and name == "train" else None
    for block in blocks:
        for split, rows in column.parts(block) if column else [(name, block)]:
            if split not in encoders:
                encoders[split] = Encoder(tasks, data, split, slices=slices)
            encoders[split].add(rows)
    if column:
        _raise(column.problems())
        encoders[name].told += column.notes
    return encoders


def read_rows(
    source: Files | OwnRows,
    tasks: Sequence[Task],
    data: DataConfig,
    name: str,
    split: str | None = None,
    *,
    slices: Sequence[str] = (),
) -> Rows:
    """Reads rows for a trained model.

    Args:
        source: files (a dict names one per column), a DataFrame or an iterator of dicts.
        tasks: the learned tasks; none to read texts and ids alone, for predictions.
        data: the run's `[data]`.
        name: the split's name.
        split: the split whose rows are read of sources that have the column `data.split`; default:
            all rows are.
        slices: columns by whose values the rows are to be judged apart.

    Returns:
        The `Rows`. `left_out` counts those without a text; of rows to predict, also those whose
        text is none, such as a list.

    Raises:
        DataError: with everything that is wrong in the data.
    """
    problems: list[str] = []
    encoder = Encoder(tasks, data, name, slices=slices)
    blocks = (
        file_blocks(source, layout=Layout.of(data, tasks), notes=encoder.told)
        if are_files(source)
        else own_blocks(source, name, notes=encoder.told)  # type: ignore[arg-type]
    )
    column = SplitColumn(data) if data.split and split else None
    for block in blocks:
        if column and split:
            encoder.add(column.chosen(block, split))
        else:
            encoder.add(block)
    if column and split and column.is_found:
        _raise(column.problems(split))
        encoder.told.append(column.chosen_note(split))
    problems += [problem] if (problem := encoder.rename_problem()) else []
    if tasks:
        tell_lacking(encoder, data)
    check_slices([encoder], problems, where="slices")
    rows = encoder.rows(problems)
    if tasks and not problems and not any(rows.coverage(tasks).values()):
        columns = listed([str(task.path) for task in tasks], 40)
        problems.append(f"{name}: no row has a label for any task; expected columns {columns}")
    _raise(problems)
    return rows


def _learn(tasks: Sequence[Task], train: Encoder) -> tuple[list[Task], dict[str, list[str]]]:
    """Returns the tasks, learned where they can be, and what is wrong with the others by name."""
    learned: dict[str, Task] = {}
    failed: dict[str, list[str]] = {}
    for task in tasks:
        labels = train.labels[task.name]
        try:
            if not labels.is_missing:
                learned[task.name] = labels.learn()
            elif mistakes := labels.unreadable():
                failed[task.name] = mistakes.report(train.where)
            else:
                raise ValueError(f"every label is missing in train (column {str(task.path)!r})")
        except ValueError as error:
            row = labels.first_row if labels.mistakes else labels.unreadable_row()
            first = "" if row is None else f", first {train.where[row]}"
            message = f"tasks.{task.name}: {_message(error)}{first}{labels.marked}"
            failed[task.name] = [message]
            if not task.can_encode:
                failed[task.name] += labels.unreadable().report(train.where)
    return [learned.get(task.name, task) for task in tasks], failed


def _message(error: ValueError) -> str:
    """Returns the message itself, also of pydantic's error, which wraps it."""
    if isinstance(error, ValidationError):
        return error.errors()[0]["msg"].removeprefix("Value error, ")
    return str(error)


def _split(
    rows: Rows, tasks: Sequence[Task], config: Config, validation: int | float, notes: list[str]
) -> dict[str, Rows]:
    """Returns the training rows in two parts; rows of one text or group stay together."""
    group = connected_groups(rows.text_keys, rows.groups, NO_GROUP)
    indicator = strata_of(rows, tasks).indicator
    train, held_out = split_groups(indicator, group, validation, config.seed)
    asked = validation_size(validation, len(rows))
    notes.append(split_note(len(held_out), asked, group, config.data.group))
    return {
        "train": rows.take(train),
        # What is told of the training rows is told once.
        "validation": replace(rows.take(held_out), name="validation", left_out=LeftOut(), told=()),
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
