"""Writes a run directory, and gives it its name when it is whole."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.files import json_line, readable_json
from mtc_keras.run.directory import CHECKPOINTS, Run, resolved_path, unfinished

KEPT_ON_RESUME = (CHECKPOINTS, "history.jsonl", "train.log")


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
        if self.directory.exists() and not resume:
            shutil.rmtree(self.directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        for path in self.directory.iterdir():  # a model half written, such
            if path.name not in KEPT_ON_RESUME:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def path(self, name: str) -> Path:
        """Returns the path of one of the run's files."""
        return self.directory / name

    def write_json(self, name: str, value: Any) -> None:
        """Writes a value as readable JSON."""
        self.path(name).write_text(readable_json(value), encoding="utf-8")

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
        with self.path(f"predictions/{name}.jsonl").open("w", encoding="utf-8") as file:
            for row, line in enumerate(describe_rows(model, probabilities, ids)):
                for task in model.tasks:
                    line[task.name]["target"] = task.label(targets[task.name][row])
                file.write(json_line(line) + "\n")

    def finish(self) -> Run:
        """Renames the directory to its final name, in place of an older run if there is one."""
        if not self.is_kept:
            self._temporary.cleanup()
            return Run(self.final, is_here=False)
        replaced = self.final.with_name(self.final.name + ".replaced")
        shutil.rmtree(replaced, ignore_errors=True)  # of a process that was killed here
        if self.final.exists():
            self.final.rename(replaced)
        self.directory.rename(self.final)
        shutil.rmtree(self.final / CHECKPOINTS, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)
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
