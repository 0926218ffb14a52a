"""The run directory: everything that one training leaves, and all that `load` needs.

    config.toml          the resolved config, every default filled in
    model/               the model as a KerasHub preset: weights, tokenizer, tasks
    metrics.json         validation and test metrics of every task, best epoch, baseline
    loss_weights.json    the weight of each task's loss, and the rule that gave it
    class_weights.json   the weight of each class in its task's loss
    history.jsonl        a line an epoch
    predictions/         validation.jsonl and test.jsonl
    environment.json     versions, device, seconds, hashes of the data files
    train.log            what was shown on the screen

A run is written under `NAME.unfinished` and renamed at its end, so that a directory
under its own name is always whole. Until then `checkpoints/` holds what a training that
was stopped goes on from.
"""

import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.checkpoints import saved_checkpoints
from mtc_keras.config import Config, load_config
from mtc_keras.disk import written_whole
from mtc_keras.errors import ConfigError, DataError
from mtc_keras.tasks import Decision

MODEL = "model"
CHECKPOINTS = "checkpoints"
KEPT_ON_RESUME = (CHECKPOINTS, "history.jsonl", "train.log")


class Run:
    """A finished run.

    Args:
        directory: the run directory.
        is_here: bool. `False` on the processes of a training that have not written it, whose
            machines may not see it.

    Raises:
        DataError: if the directory holds no finished run.
    """

    def __init__(self, directory: str | Path, is_here: bool = True) -> None:
        self.directory = Path(directory)
        self.is_here = is_here
        if is_here and not (self.directory / MODEL / "task.json").is_file():
            problem = "does not exist" if not self.directory.exists() else "holds no finished run"
            if unfinished(self.directory).exists():
                problem += f" ({unfinished(self.directory)} was not finished)"
            raise DataError(
                f"run directory {str(self.directory)!r} {problem}; "
                "it is made by `python -m mtc_keras.train`"
            )

    @cached_property
    def config(self) -> Config:
        """The resolved config."""
        return load_config(self.directory / "config.toml")

    @cached_property
    def model(self) -> Any:
        """The `MultiTaskClassifier`, of its best epoch."""
        from mtc_keras.classifier import MultiTaskClassifier

        return MultiTaskClassifier.from_preset(str(self.directory / MODEL))

    def save_decisions(self, decisions: Mapping[str, Decision]) -> None:
        """Puts changed temperatures and thresholds into the saved model, whole or not at all."""
        file = self.directory / MODEL / "task.json"
        task = json.loads(file.read_text(encoding="utf-8"))
        values = {name: decision.to_dict() for name, decision in decisions.items()}
        task["config"]["decisions"] = values
        write_whole(file, json.dumps(task, indent=4, ensure_ascii=False))

    @property
    def metrics(self) -> dict[str, Any]:
        """What `metrics.json` holds."""
        return json.loads((self.directory / "metrics.json").read_text(encoding="utf-8"))

    @property
    def environment(self) -> dict[str, Any]:
        """What `environment.json` holds."""
        return json.loads((self.directory / "environment.json").read_text(encoding="utf-8"))

    @property
    def constants(self) -> dict[str, Any]:
        """For each task the constant prediction of the baseline, learned in training."""
        return {name: np.asarray(c) for name, c in self.metrics["constant_prediction"].items()}

    @property
    def history(self) -> list[dict[str, Any]]:
        """A dict an epoch."""
        lines = (self.directory / "history.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


def write_whole(path: str | Path, text: str) -> None:
    """Writes a file under a temporary name first, so that it is whole or not there.

    Raises:
        ConfigError: if it cannot be written.
    """
    path = Path(path)
    check_writable(path)
    try:
        with written_whole(path) as file:
            file.write(text.encode("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot write {str(path)!r}: {error.strerror}") from None


def check_writable(path: str | Path) -> None:
    """Checks, before any work is done, that a file can be written.

    Raises:
        ConfigError: if it is a directory, or its own directory does not exist.
    """
    path = Path(path)
    if path.is_dir():
        raise ConfigError(f"cannot write {str(path)!r}: it is a directory")
    if not path.parent.is_dir():
        raise ConfigError(f"cannot write {str(path)!r}: {str(path.parent)!r} does not exist")


def load(directory: str | Path) -> Any:
    """Loads the model of a run.

    Args:
        directory: the run directory, as named in `output.directory`.

    Returns:
        The `MultiTaskClassifier` with tokenizer, tasks and classes.

    Raises:
        DataError: if the directory holds no finished run.

    Example:

    ```python
    model = mtc_keras.load("runs/quickstart")
    model.classify(["Nobody could tell me which form to use."])
    ```
    """
    return Run(directory).model


def _resolved(directory: str) -> Path:
    """Returns the directory itself: `~` expanded, links followed."""
    return Path(directory).expanduser().resolve()


def unfinished(directory: Path) -> Path:
    """Returns where a run is written before it is whole."""
    return directory.with_name(directory.name + ".unfinished")


def checkpoint_directory(directory: str) -> Path:
    """Returns where the checkpoints of an unfinished run are."""
    return unfinished(_resolved(directory)) / CHECKPOINTS


def finished_run(directory: str) -> Run | None:
    """Returns the run of a directory if there is one, and none that is to take its place."""
    path = _resolved(directory)
    if not (path / MODEL / "task.json").is_file() or unfinished(path).exists():
        return None
    shutil.rmtree(path / CHECKPOINTS, ignore_errors=True)  # of a process killed at its very end
    return Run(path)


def check_output(directory: str, overwrite: bool, resume: bool = False) -> None:
    """Checks that a run may be written.

    Raises:
        ConfigError: if the directory cannot be written, holds something that is no run,
            or holds a run and `overwrite` is not set; if an unfinished run has checkpoints
            and neither `overwrite` nor `resume` is set.
    """
    path = _resolved(directory)
    begun = saved_checkpoints(checkpoint_directory(directory))
    if begun and not overwrite and not resume:
        raise ConfigError(
            f"output.directory: {str(unfinished(path))!r} holds checkpoints of an unfinished run; "
            "go on with --resume, or start anew with --overwrite"
        )
    may_replace = overwrite or (resume and unfinished(path).exists())  # it was begun with that
    where = f"output.directory: {directory!r}"
    another = "choose another (--set output.directory=…)"
    parent = next(p for p in path.parents if p.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise ConfigError(f"{where} cannot be made in {str(parent)!r}; {another}")
    if not path.exists():
        return
    if not path.is_dir():
        raise ConfigError(f"{where} is a file; {another}")
    holds_files = any(path.iterdir())
    if holds_files and not (path / MODEL / "task.json").is_file():
        raise ConfigError(f"{where} holds files that are no run; {another}")
    if holds_files and not may_replace:
        raise ConfigError(f"{where} already holds a run; {another} or replace it with --overwrite")


class RunWriter:
    """Writes a run, and gives it its name when it is whole.

    Args:
        directory: the run directory to be.
        resume: bool. Whether the checkpoints, history and log of an unfinished run stay.
        is_kept: bool. `False` on all processes of a training but the first: they take the same
            steps, and what they write goes into a temporary directory.
    """

    def __init__(self, directory: str, resume: bool = False, is_kept: bool = True) -> None:
        self.final = _resolved(directory)
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


def to_json(value: Any) -> Any:
    """Returns a value as plain JSON values: NumPy converted, NaN and infinities null."""
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, np.ndarray):
        return to_json(value.tolist())
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def readable_json(value: Any) -> str:
    """Returns a value as indented JSON text."""
    return json.dumps(to_json(value), indent=2, ensure_ascii=False) + "\n"


def json_line(value: Any) -> str:
    """Returns a value as one line of JSON; an id of another type, such as a date, as text."""
    line = json.dumps(value, ensure_ascii=False, default=str)
    # An id may hold a lone surrogate, which UTF-8 cannot hold but JSON can, escaped.
    return line.encode("utf-8", "backslashreplace").decode("utf-8")


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
