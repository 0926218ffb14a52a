"""Writes a run directory, and renames it when it is complete."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.errors import ConfigError, TrainingError
from mtc_keras.files import (
    json_line,
    readable_json,
    rename,
    sync_all,
    write_sums,
    write_whole,
    written_whole,
)
from mtc_keras.run.checkpoints import saved_checkpoints
from mtc_keras.run.directory import (
    CHECKPOINTS,
    EVENTS,
    FILES,
    FORMAT,
    MARK,
    MODEL,
    PREDICTIONS,
    READ,
    RUN,
    TRACKING,
    Run,
    resolved_path,
    unfinished,
)
from mtc_keras.run.output import is_run, remove_run, replaced, strangers
from mtc_keras.tasks import Decision, Task
from mtc_keras.tasks.predictions import Shown, prediction_columns, target_columns

KEPT_ON_RESUME = {RUN, CHECKPOINTS, "history.jsonl", "train.log", TRACKING, EVENTS}
ROWS_AT_ONCE = 1_000  # of predictions, which take much more memory than their arrays
# Classes whose probabilities stand in a line for people; `.parquet` has the logits of all.
MOST_LISTED = 1_000
IN_SHORT = Shown(columns=("labels", "confidence"))


class RunWriter:
    """Writes a run, and gives it its name when it is whole.

    Args:
        directory: the run directory to be.
        resume: bool. Whether the checkpoints, history and log of an unfinished run stay.
        is_kept: bool. `False` on all processes of a training but the first: they take the same
            steps, and what they write goes into a temporary directory.
    """

    def __init__(self, directory: str, resume: bool = False, is_kept: bool = True) -> None:
        self.final = resolved_path(directory)
        self.is_kept = is_kept
        if not is_kept:
            self._temporary = tempfile.TemporaryDirectory(prefix="mtc_keras_")
            self.directory = Path(self._temporary.name)
            return
        self.directory = unfinished(self.final)
        if not resume:
            remove_run(self.directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.write_json(RUN, FORMAT.stamped(MARK))
        for name in FILES - KEPT_ON_RESUME:  # a model half written, such
            path = self.path(name)
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    @contextmanager
    def failures_told(self, hint: str | None = None) -> Iterator[None]:
        """Has what the disk refuses while the context lasts end with one message.

        Args:
            hint: optional str. How to go on; default: by the checkpoints that there are.

        Raises:
            TrainingError: in place of an `OSError`.
        """
        try:
            yield
        except BrokenPipeError:  # of the screen
            raise
        except OSError as error:
            where = f"run {str(self.final)!r} cannot be written: {error.strerror or error}"
            saved = saved_checkpoints(self.path(CHECKPOINTS))
            if not self.directory.is_dir():
                hint = f"its folder {str(self.directory)!r} is gone; nothing is left of it"
            elif saved and hint is None:
                hint = f"its checkpoints are as they were ({len(saved)}): add --resume to go on"
            raise TrainingError(where, [hint or "it has no checkpoints: start it again"]) from None

    def path(self, name: str) -> Path:
        """Returns the path of one of the run's files."""
        return self.directory / name

    def write_json(self, name: str, value: Any) -> None:
        """Writes a value as readable JSON."""
        self.write_text(name, readable_json(value))

    def write_text(self, name: str, text: str) -> None:
        """Writes a text file."""
        write_whole(self.path(name), text)

    def write_model(self, model: Any) -> None:
        """Writes a model as a preset.

        Raises:
            OSError: if it cannot be written.
        """
        try:
            model.save_to_preset(str(self.path(MODEL)))
        except RuntimeError as error:  # of HDF5, when it closes a file that it could not write
            raise OSError(f"{MODEL}: {error}") from None

    def write_predictions(
        self,
        name: str,
        model: Any,
        probabilities: Mapping[str, np.ndarray],
        targets: Mapping[str, np.ndarray],
        ids: Sequence[Any] | None,
    ) -> None:
        """Writes what a split was predicted to be by a model, beside its labels.

        A line has the row's id, or its number from 0, its labels, and its predictions; of a task
        of more than `MOST_LISTED` classes the confidence in place of all probabilities.
        """
        self.path(PREDICTIONS).mkdir(exist_ok=True)
        tasks = model.tasks
        count = len(next(iter(probabilities.values())))
        with written_whole(self.path(f"{PREDICTIONS}/{name}.jsonl")) as file:
            for start in range(0, count, ROWS_AT_ONCE):
                rows = slice(start, min(start + ROWS_AT_ONCE, count))
                numbers = range(rows.start, rows.stop)
                columns: dict[str, Iterable[Any]] = {
                    **({"row": numbers} if ids is None else {"id": [ids[row] for row in numbers]}),
                    **target_columns(tasks, {name: found[rows] for name, found in targets.items()}),
                    **_predicted(tasks, probabilities, rows, model.decisions),
                }
                for cells in zip(*columns.values(), strict=True):
                    file.write(f"{json_line(dict(zip(columns, cells, strict=True)))}\n".encode())

    def finish(self) -> Run:
        """Renames the directory to its final name, in place of an older run if there is one."""
        if not self.is_kept:
            self._temporary.cleanup()
            return Run(self.final, is_here=False)
        with self.failures_told(f"all of it is in {str(self.directory)!r}: --resume finishes it"):
            write_sums(self.directory, [name for name in READ if self.path(name).exists()])
            older = replaced(self.final)
            remove_run(older)  # of a process that was killed here
            sync_all(self.directory)  # before the older run goes, or any checkpoint
            if self.final.exists():
                # It was a run, or was not there, when the training began.
                if not is_run(self.final) or strangers(self.final):
                    raise ConfigError(
                        f"output.directory: {str(self.final)!r} holds files that are not a run; "
                        f"move them away: the whole run is in {str(self.directory)!r}"
                    )
                rename(self.final, older)
            try:
                rename(self.directory, self.final)
            except OSError:
                if older.exists():  # back in its place
                    rename(older, self.final)
                raise
            shutil.rmtree(self.final / CHECKPOINTS, ignore_errors=True)
            remove_run(older)
        return Run(self.final)


def _predicted(
    tasks: Sequence[Task],
    probabilities: Mapping[str, np.ndarray],
    rows: slice,
    decisions: Mapping[str, Decision],
) -> dict[str, list[Any]]:
    """Returns the columns of predictions of some rows, in the tasks' order."""
    columns: dict[str, list[Any]] = {}
    for task in tasks:
        shown = IN_SHORT if len(task.known_classes) > MOST_LISTED else Shown()
        found = {task.name: probabilities[task.name][rows]}
        columns |= prediction_columns([task], found, decisions, shown)
    return columns
