"""What a run keeps of its judged rows: `predictions/SPLIT.parquet`.

    row             where the row stands, such as "data/test.jsonl:17"
    tokens          tokens of its whole text
    text            the text, or text_1 and text_2 of a pair; not with `[report] texts = false`
    slice:COLUMN    its value in a column of `[report] slices`, null where blank
    target:TASK     the encoded label: -1, or NaN, where it is not known
    logits:TASK     what the model gave, before the temperature

Temperatures and thresholds are the model's: `mtc-keras calibrate` may change them, and a report is
written of those that there are.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.data.packed import ODD_STRINGS, STRINGS, Packed
from mtc_keras.errors import DataError
from mtc_keras.files import Format, file_problem, write_sums, written_whole
from mtc_keras.model.checking import check_sums
from mtc_keras.report.judged import Judged
from mtc_keras.run.directory import PREDICTIONS, Run
from mtc_keras.tasks import Task

FORMAT = Format(migrations=(dict,))
ABOUT = b"mtc_keras"  # the key of the file's own metadata
SPLITS = ("validation", "test")
SLICE, TARGET, LOGITS = "slice:", "target:", "logits:"


def write_judged(folder: Path, splits: Sequence[Judged]) -> None:
    """Writes what a report needs of judged rows, and the checksums of these files.

    Args:
        folder: the run's directory.
        splits: the rows; their texts are kept if they have any.

    Raises:
        OSError: if they cannot be written.
    """
    import pyarrow  # type: ignore[import-untyped]
    from pyarrow import parquet

    if not splits:
        return
    predictions = folder / PREDICTIONS
    predictions.mkdir(exist_ok=True)
    names = []
    for judged in splits:
        columns = _columns(judged)
        about = json.dumps(FORMAT.stamped({"max_length": judged.max_length}))
        table = pyarrow.table(columns).replace_schema_metadata({ABOUT: about})
        names.append(f"{judged.name}.parquet")
        with written_whole(predictions / names[-1]) as file:
            parquet.write_table(table, file, compression="zstd")
    write_sums(predictions, names)


def read_judged(run: Run) -> tuple[Judged, ...]:
    """Returns the judged rows of a run, as far as they were kept: none of a run from before.

    Raises:
        DataError: if a file has changed, or holds something else.
    """
    folder = run.directory / PREDICTIONS
    names = [name for name in SPLITS if (folder / f"{name}.parquet").exists()]
    if run.check and names:
        where = f"run {str(run.directory)!r}"
        check_sums(folder, where, [f"{name}.parquet" for name in names], needed=True)
    return tuple(_read(run, name) for name in names)


def _columns(judged: Judged) -> dict[str, Any]:
    import pyarrow

    columns = {"row": _strings(judged.where), "tokens": pyarrow.array(judged.lengths, "int64")}
    if judged.texts is not None:
        names = _text_names(len(judged.texts))
        columns |= {n: _strings(c) for n, c in zip(names, judged.texts, strict=True)}
    columns |= {SLICE + name: _strings(values) for name, values in judged.slices.items()}
    for task in judged.tasks:
        columns[TARGET + task.name] = _numbers(judged.targets[task.name])
        columns[LOGITS + task.name] = _numbers(judged.logits[task.name])
    return columns


def _text_names(count: int) -> list[str]:
    return ["text"] if count == 1 else [f"text_{number + 1}" for number in range(count)]


def _strings(values: Iterable[str | None]) -> Any:
    import pyarrow

    if isinstance(values, Packed) and values.array.type != ODD_STRINGS:
        return values.array.cast(STRINGS)
    # Parquet holds UTF-8, which has no lone surrogates.
    return pyarrow.array(
        [v and v.encode("utf-8", "backslashreplace").decode("utf-8") for v in values], STRINGS
    )


def _numbers(values: np.ndarray) -> Any:
    import pyarrow

    if values.ndim == 1:
        return pyarrow.array(values)
    flat = pyarrow.array(np.ascontiguousarray(values).reshape(-1))
    return pyarrow.FixedSizeListArray.from_arrays(flat, values.shape[1])


def _read(run: Run, name: str) -> Judged:
    import pyarrow
    from pyarrow import parquet

    path = run.directory / PREDICTIONS / f"{name}.parquet"
    try:
        if problem := file_problem(path):
            raise ValueError(problem)
        with parquet.ParquetFile(path) as file:
            table = file.read()
        about = FORMAT.read(json.loads((table.schema.metadata or {})[ABOUT]), f"{str(path)!r}")
        return _judged(run, name, table, int(about["max_length"]))
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        shown = f"has no {error}" if isinstance(error, KeyError) else "is not what was written"
        raise DataError(
            f"run {str(run.directory)!r} is damaged; train it again, or copy it again",
            [f"{PREDICTIONS}/{name}.parquet: {shown}"],
        ) from None


def _judged(run: Run, name: str, table: Any, max_length: int) -> Judged:
    """Returns the rows of a table.

    Raises:
        KeyError: if a column is not there.
        ValueError: if one holds something else.
    """
    names = table.column_names
    columns = [column for column in ("text", "text_1", "text_2") if column in names]
    tasks = run.saved.tasks
    return Judged(
        name=name,
        tasks=tuple(tasks),
        decisions=run.saved.decisions,
        targets={task.name: _targets(task, _array(table, TARGET + task.name)) for task in tasks},
        logits={task.name: _logits(task, _array(table, LOGITS + task.name)) for task in tasks},
        where=_known(table, "row"),
        lengths=_lengths(_array(table, "tokens")),
        max_length=max_length,
        texts=tuple(_known(table, column) for column in columns) or None,
        slices={
            column.removeprefix(SLICE): _packed(table, column)
            for column in names
            if column.startswith(SLICE)
        },
    )


def _packed(table: Any, name: str) -> Packed:
    return Packed(table.column(name).cast(STRINGS).combine_chunks())


def _known(table: Any, name: str) -> Packed:
    if table.column(name).null_count:
        raise ValueError("has null among strings")
    return _packed(table, name)


def _lengths(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind != "i" or (values < 0).any():
        raise ValueError("holds lengths that are none")
    return values


def _array(table: Any, name: str) -> np.ndarray:
    import pyarrow

    found = table.column(name).combine_chunks()
    if found.null_count:
        raise ValueError("has null among numbers")
    if not pyarrow.types.is_fixed_size_list(found.type):
        return np.asarray(found.to_numpy(zero_copy_only=False))
    flat = found.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat).reshape(len(found), found.type.list_size)


def _targets(task: Task, values: np.ndarray) -> np.ndarray:
    if values.dtype != np.dtype(task.target_dtype):
        raise ValueError(f"holds {values.dtype} for {task.name}")
    return task.read_targets(values)


def _logits(task: Task, values: np.ndarray) -> np.ndarray:
    from mtc_keras.scoring.decisions import activate

    given = activate(task, values[:1]).shape[1:]
    if values.dtype.kind != "f" or (task.has_classes and given != (len(task.known_classes),)):
        raise ValueError(f"holds {values.dtype} of shape {values.shape} for {task.name}")
    return values
