"""Writes a model's probabilities of rows as labels, from which another one learns.

    mtc-keras distill --teacher runs/large --data texts.jsonl --out soft.jsonl

Each row keeps its columns and gets one more per task, teacher_TASK: the
probability of each class, without temperature, or the number of a regression
task. The lines printed at the end are those of a student's config, which reads
them with labels = "probabilities" (Hinton, Vinyals & Dean 2015, arXiv
1503.02531).
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tomli_w

from mtc_keras.errors import ConfigError, DataError, did_you_mean, legible, listed, plural
from mtc_keras.files import check_writable, written_whole
from mtc_keras.predict.bad_rows import BadRows, in_all
from mtc_keras.predict.predictor import Predictor
from mtc_keras.predict.predictors import AnyModel, open_predictor
from mtc_keras.programs import options
from mtc_keras.programs.program import Program
from mtc_keras.programs.signals import tidied_at_sigterm
from mtc_keras.tasks import Task
from mtc_keras.tasks.predictions import probability_cells

if TYPE_CHECKING:
    from mtc_keras.data.inputs import Inputs

ENDINGS = (".jsonl", ".jsonl.gz")
TEXT = "text"  # the column that a config without data.text names


@dataclass(frozen=True, eq=False)
class Distillation:
    """What `distill_files` has written.

    Args:
        path: the file.
        tasks: the teacher's tasks whose probabilities it holds.
        rows: int. Rows written.
        bad_rows: int. Rows left out, their text being missing or none.
        notes: lines for people: the first bad rows, and what can be read in two ways.
        text: the column of its texts, or those of text pairs.
    """

    path: Path
    tasks: Sequence[Task]
    rows: int
    bad_rows: int
    notes: tuple[str, ...]
    text: str | list[str] = TEXT

    def student_data(self) -> dict[str, Any]:
        """Returns the `[data]` of a config that learns from the file."""
        found: dict[str, Any] = {"train": str(self.path)}
        return found if self.text == TEXT else {**found, "text": self.text}

    def student_tasks(self) -> dict[str, dict[str, Any]]:
        """Returns the `[tasks]` of a config that learns from the file."""
        return {task.name: _student(task) for task in self.tasks}


def distill_files(
    teacher: AnyModel,
    data: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    tasks: Sequence[str] | None = None,
    strict: bool = False,
) -> Distillation:
    """Writes a model's raw probabilities of rows as labels.

    Args:
        teacher: the path of a run or of an export's folder, a `Run`, or a `MultiTaskClassifier`.
        data: files or globs with the teacher's text column; labels are not read.
        out: the file, .jsonl or .jsonl.gz; it is whole or not there.
        tasks: optional names of the tasks to write; default: all.
        strict: bool. Whether a row without a text is an error.

    Returns:
        The `Distillation`.

    Raises:
        ConfigError: if a task is unknown, or `out` cannot be written.
        DataError: if there is no such teacher, a file cannot be read, no row has a text, or an
            export has temperatures in it.

    Example:

    ```python
    found = mtc_keras.distill_files("runs/large", "unlabelled.jsonl", "soft.jsonl")
    student = {"data": found.student_data(), "tasks": found.student_tasks()}
    mtc_keras.fit(mtc_keras.check_config({**student, "output": {"directory": "runs/small"}}))
    ```
    """
    path = _checked(Path(out))
    predictor = open_predictor(teacher)
    chosen = _chosen(predictor, tasks)
    files = [str(file) for file in ([data] if isinstance(data, (str, Path)) else data)]
    _check_other(path, files)
    from mtc_keras.predict.bulk.formats import compressed, write_rows
    from mtc_keras.predict.streaming import stream_inputs

    notes: list[str] = []
    bad = BadRows(strict, notes.append)
    rows = 0
    try:
        with (
            predictor.being_read(),
            written_whole(path) as file,
            compressed(file, path.name.endswith(".gz")) as lines,
        ):
            for inputs in stream_inputs(predictor, files, on_bad=bad.add, on_note=notes.append):
                columns = _columns(inputs, chosen, predictor.predict(inputs.texts, raw=True))
                write_rows(lines, "jsonl", columns, {})
                rows += len(inputs)
            if not rows:
                raise DataError(f"{', '.join(files)}: hold no row that can be predicted")
    except OSError as error:
        raise ConfigError(f"cannot write {str(path)!r}: {error.strerror or error}") from None
    text = predictor.data.text
    return Distillation(path, chosen, rows, bad.count, tuple(notes), text)


def _columns(
    inputs: "Inputs", tasks: Sequence[Task], probabilities: Mapping[str, np.ndarray]
) -> dict[str, list[Any]]:
    """Returns the columns of N rows and of their labels."""
    labels = {
        _column(task): probability_cells(task, probabilities[task.name], task.known_classes)
        for task in tasks
    }
    if taken := labels.keys() & inputs.columns.keys():
        raise DataError(
            f"rows: column {min(taken)!r} is what the teacher's labels are called; rename it"
        )
    return {**inputs.columns, **labels}


def _column(task: Task) -> str:
    return f"teacher_{task.name}"


def _student(task: Task) -> dict[str, Any]:
    table: dict[str, Any] = {"kind": task.kind, "column": _column(task)}
    if not task.has_classes:
        return table
    table |= {"labels": "probabilities", "classes": task.known_classes}
    shown = dict(zip(task.known_classes, task.shown_classes, strict=True))
    names = {name: other for name, other in shown.items() if name != other}
    return {**table, "class_names": names} if names else table


def _chosen(predictor: Predictor, names: Iterable[str] | None) -> list[Task]:
    known = {task.name: task for task in predictor.tasks}
    for name in names or ():
        if name not in known:
            raise ConfigError(
                f"the teacher has no task {name!r}.{did_you_mean(name, known)} "
                f"Tasks: {listed(list(known), 40)}"
            )
    return [task for name, task in known.items() if names is None or name in set(names)]


def _check_other(path: Path, files: list[str]) -> None:
    """Refuses to write over a file whose rows are read."""
    from mtc_keras.data.sources import expand

    if files != [options.STDIN] and any(_is_same(path, file) for file in expand(files)):
        raise ConfigError(f"--out {str(path)!r}: is one of the files of --data; name another")


def _is_same(path: Path, file: str) -> bool:
    with suppress(OSError):  # one of them is not there
        return path.samefile(file)
    return False


def _checked(path: Path) -> Path:
    if not path.name.endswith(ENDINGS):
        raise ConfigError(f"--out {str(path)!r}: must end in {' or '.join(ENDINGS)}")
    check_writable(path)
    return path


def add_options(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser, "a run directory, or the folder of an export", "--teacher")
    options.add_data(
        parser, "files or globs with the teacher's text column, labelled or not", required=True
    )
    options.add_out(parser, "the file to write, .jsonl or .jsonl.gz", required=True)
    parser.add_argument("--tasks", metavar="LIST", help="tasks, separated by commas (default: all)")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="stop at bad rows (default: leave them out and list them)",
    )


def run(args: argparse.Namespace) -> None:
    tasks = None if args.tasks is None else args.tasks.split(",")
    teacher = open_predictor(args.teacher, args.check)
    with tidied_at_sigterm("stopped before anything was written"):
        found = distill_files(teacher, args.data, args.out, tasks=tasks, strict=args.strict)
    for note in (*found.notes, *in_all(found.bad_rows)):
        print(legible(note), file=sys.stderr)
    print(legible(f"# {plural(found.rows, 'row')} in {found.path}; a student's config reads them:"))
    student = {"data": found.student_data(), "tasks": found.student_tasks()}
    print(tomli_w.dumps(student), end="")


PROGRAM = Program("distill", "write a model's probabilities as labels", __doc__, add_options, run)
main = PROGRAM.main

if __name__ == "__main__":
    sys.exit(main())
