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
import os
import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.config import Config, load_config
from mtc_keras.errors import ConfigError, DataError
from mtc_keras.files import write_whole
from mtc_keras.run.checkpoints import saved_checkpoints
from mtc_keras.tasks import Decision

MODEL = "model"


CHECKPOINTS = "checkpoints"


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
                f"run directory {str(self.directory)!r} {problem}; it is made by `mtc-keras train`"
            )

    @cached_property
    def config(self) -> Config:
        """The resolved config."""
        return load_config(self.directory / "config.toml")

    @cached_property
    def model(self) -> Any:
        """The `MultiTaskClassifier`, of its best epoch."""
        from mtc_keras.model.classifier import MultiTaskClassifier

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


def resolved_path(directory: str) -> Path:
    """Returns the directory itself: `~` expanded, links followed."""
    return Path(directory).expanduser().resolve()


def unfinished(directory: Path) -> Path:
    """Returns where a run is written before it is whole."""
    return directory.with_name(directory.name + ".unfinished")


def checkpoint_directory(directory: str) -> Path:
    """Returns where the checkpoints of an unfinished run are."""
    return unfinished(resolved_path(directory)) / CHECKPOINTS


def finished_run(directory: str) -> Run | None:
    """Returns the run of a directory if there is one, and none that is to take its place."""
    path = resolved_path(directory)
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
    path = resolved_path(directory)
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
