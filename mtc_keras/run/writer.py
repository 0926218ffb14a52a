"""Writes a run directory, and gives it its name when it is whole."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.errors import ConfigError
from mtc_keras.files import json_line, readable_json, rename, sync_all, write_whole, written_whole
from mtc_keras.run.directory import (
    CHECKPOINTS,
    FILES,
    FORMAT,
    RUN,
    Run,
    model_checksums,
    resolved_path,
    unfinished,
)
from mtc_keras.run.output import is_run, remove_run, replaced

KEPT_ON_RESUME = {RUN, CHECKPOINTS, "history.jsonl", "train.log"}


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
        self.write_json(RUN, FORMAT.stamped({}))  # the sign that the folder is ours
        for name in FILES - KEPT_ON_RESUME:  # a model half written, such
            path = self.path(name)
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def path(self, name: str) -> Path:
        """Returns the path of one of the run's files."""
        return self.directory / name

    def write_json(self, name: str, value: Any) -> None:
        """Writes a value as readable JSON."""
        self.write_text(name, readable_json(value))

    def write_text(self, name: str, text: str) -> None:
        """Writes a text file."""
        write_whole(self.path(name), text)

    def write_predictions(
        self,
        name: str,
        model: Any,
        probabilities: Mapping[str, np.ndarray],
        targets: Mapping[str, np.ndarray],
        ids: Sequence[Any] | None,
    ) -> None:
        """Writes what a split was predicted to be by a model, beside its labels."""
        self.path("predictions").mkdir(exist_ok=True)
        with written_whole(self.path(f"predictions/{name}.jsonl")) as file:
            for row, line in enumerate(describe_rows(model, probabilities, ids)):
                for task in model.tasks:
                    line[task.name]["target"] = task.label(targets[task.name][row])
                file.write(f"{json_line(line)}\n".encode())

    def finish(self) -> Run:
        """Renames the directory to its final name, in place of an older run if there is one."""
        if not self.is_kept:
            self._temporary.cleanup()
            return Run(self.final, is_here=False)
        checksums = model_checksums(self.directory)
        self.write_json(RUN, FORMAT.stamped({"sha256": checksums}))
        older = replaced(self.final)
        remove_run(older)  # of a process that was killed here
        sync_all(self.directory)  # before the older run goes, or any checkpoint
        if self.final.exists():
            if not is_run(self.final):  # it was, or was not there, when the training began
                raise ConfigError(
                    f"output.directory: {str(self.final)!r} holds files that are no run; move them "
                    f"away: the whole run is in {str(self.directory)!r}"
                )
            rename(self.final, older)
        rename(self.directory, self.final)
        shutil.rmtree(self.final / CHECKPOINTS, ignore_errors=True)
        remove_run(older)
        return Run(self.final)


def describe_rows(
    model: Any,
    probabilities: Mapping[str, np.ndarray],
    ids: Sequence[Any] | None = None,
    abstain_below: float | None = None,
) -> Iterator[dict[str, Any]]:
    """Yields a row's predictions as plain values, led by its id or its number from 0."""
    for row in range(len(probabilities[model.tasks[0].name])):
        line: dict[str, Any] = {"row": row} if ids is None else {"id": ids[row]}
        for task in model.tasks:
            decision = model.decisions.get(task.name)
            line[task.name] = task.describe(probabilities[task.name][row], decision, abstain_below)
        yield line
