"""The run directory: everything that one training leaves, and all that `load` needs.

    config.toml          the resolved config, every default filled in
    model/               the model as a KerasHub preset: weights, tokenizer, tasks
    metrics.json         validation and test metrics of every task, best epoch, baseline
    loss_weights.json    the weight of each task's loss, and the rule that gave it
    class_weights.json   the weight of each class in its task's loss
    history.jsonl        one line per epoch
    predictions/         validation.jsonl and test.jsonl
    environment.json     versions, device, seconds, hashes of the data files
    train.log            what was shown on the screen
    run.json             the number of this format, and the checksums of what a load reads

A run is written under `NAME.unfinished` and renamed at its end, so that a directory
under its own name is always whole. Until then `checkpoints/` holds what a stopped training
resumes from.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.config import Config, load_config
from mtc_keras.errors import DataError
from mtc_keras.files import (
    Format,
    being_read,
    check_not_read,
    check_writable,
    held,
    readable_json,
    resolved,
    sha256,
    write_whole,
)
from mtc_keras.model.saved import saved_config
from mtc_keras.tasks import Decision

MODEL, CHECKPOINTS, RUN = "model", "checkpoints", "run.json"
# `task.json`, which `calibrate` changes, is read as JSON, and so has no checksum.
TASK = f"{MODEL}/task.json"
FILES = {
    *(MODEL, CHECKPOINTS, RUN, "config.toml", "history.jsonl", "predictions", "train.log"),
    *("metrics.json", "loss_weights.json", "class_weights.json", "environment.json"),
}


def _checksums_of_none(values: dict[str, Any]) -> dict[str, Any]:
    return {"sha256": {}, **values}


FORMAT = Format(migrations=(_checksums_of_none,))


class Run:
    """A finished run.

    Args:
        directory: the run directory.
        is_here: bool. `False` on the processes of a training that have not written it, whose
            machines may not see it.

    Raises:
        DataError: if the directory holds no finished run, or that of a newer version.
    """

    def __init__(self, directory: str | Path, is_here: bool = True) -> None:
        self.directory = Path(directory)
        self.is_here = is_here
        self._is_held = False
        if not is_here:
            return
        if not (self.directory / TASK).is_file():
            problem = "does not exist" if not self.directory.exists() else "holds no finished run"
            if unfinished(self.directory).exists():
                problem += f" ({unfinished(self.directory)} was not finished)"
            raise DataError(
                f"run directory {str(self.directory)!r} {problem}; it is made by `mtc-keras train`"
            )
        self._about()

    @cached_property
    def config(self) -> Config:
        """The resolved config."""
        return load_config(self.directory / "config.toml", quiet=True)

    @cached_property
    def model(self) -> Any:
        """The `MultiTaskClassifier`, of its best epoch."""
        from mtc_keras.model.classifier import MultiTaskClassifier

        self.check_model()
        return MultiTaskClassifier.from_preset(str(self.directory / MODEL))

    def check_model(self) -> None:
        """Checks that the files of the model are those that were written.

        Raises:
            DataError: naming each that is not.
        """
        saved_config(self.directory / MODEL)
        problems = []
        for name, digest in self._about()["sha256"].items():
            path = self.directory / name
            if not path.is_file():
                problems.append(f"{name}: is gone")
            elif sha256(path) != digest:
                problems.append(f"{name}: has changed")
        if problems:
            raise DataError(
                f"run {str(self.directory)!r} is damaged; train it again, or copy it again",
                problems,
            )

    def save_decisions(self, decisions: Mapping[str, Decision]) -> None:
        """Puts changed temperatures and thresholds into the saved model, whole or not at all.

        Raises:
            ConfigError: if another process is training into the directory, or reading the run; or
                if it may not be written to.
        """
        with self.being_changed():
            task = self._json(TASK)
            values = {name: decision.to_dict() for name, decision in decisions.items()}
            task["config"]["decisions"] = values
            write_whole(self.directory / TASK, readable_json(task))

    @contextmanager
    def being_changed(self) -> Iterator[None]:
        """Holds the run, so that no other process writes it while the context lasts.

        Raises:
            ConfigError: what `save_decisions` raises.
        """
        if self._is_held:  # by this very object
            yield
            return
        check_writable(self.directory / TASK)
        path, where = resolved_path(str(self.directory)), f"run {str(self.directory)!r}"
        with held(path, where):
            check_not_read(path, where)
            self._is_held = True
            try:
                yield
            finally:
                self._is_held = False

    @contextmanager
    def being_read(self) -> Iterator[None]:
        """Keeps other processes from changing the run while the context lasts."""
        with being_read(self.directory):
            yield

    @property
    def metrics(self) -> dict[str, Any]:
        """What `metrics.json` holds."""
        return self._json("metrics.json")

    @property
    def environment(self) -> dict[str, Any]:
        """What `environment.json` holds."""
        return self._json("environment.json")

    @property
    def loss_weights(self) -> dict[str, dict[str, Any]]:
        """What `loss_weights.json` holds: for each task its `rule`, `loss` and `weight`."""
        return self._json("loss_weights.json")

    @property
    def constants(self) -> dict[str, Any]:
        """For each task the constant prediction of the baseline, learned in training."""
        return {name: np.asarray(c) for name, c in self.metrics["constant_prediction"].items()}

    @property
    def history(self) -> list[dict[str, Any]]:
        """A dict per epoch."""
        return self._read("history.jsonl", lambda text: [*map(json.loads, text.splitlines())])

    def _about(self) -> dict[str, Any]:
        """Returns what the run says of itself; raises `DataError` if a newer version wrote it."""
        about = self._json(RUN) if (self.directory / RUN).exists() else {}
        return FORMAT.read(about, f"run {str(self.directory)!r}")

    def _json(self, name: str) -> dict[str, Any]:
        values = self._read(name, json.loads)
        if not isinstance(values, dict):
            raise self._damaged(name, "holds no JSON object")
        return values

    def _read(self, name: str, parse: Callable[[str], Any]) -> Any:
        """Returns what a file holds.

        Raises:
            DataError: if it is gone, or holds something else.
        """
        try:
            return parse((self.directory / name).read_text(encoding="utf-8"))
        except OSError as error:
            raise self._damaged(name, f"cannot be read: {error.strerror}") from None
        except ValueError as error:  # of JSON, or of UTF-8
            raise self._damaged(name, f"is not what was written: {error}") from None

    def _damaged(self, name: str, problem: str) -> DataError:
        return DataError(
            f"run {str(self.directory)!r} is damaged; train it again, or copy it again",
            [f"{name}: {problem}"],
        )


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
    """Returns the directory itself: `~` expanded, links followed.

    Raises:
        ConfigError: if no directory can have that path.
    """
    return resolved(directory, f"output.directory: {directory!r}")


def model_checksums(directory: Path) -> dict[str, str]:
    """Returns the SHA-256 of each file of a run's model that never changes, by its path."""
    paths = [path for path in sorted((directory / MODEL).rglob("*")) if path.is_file()]
    names = {path.relative_to(directory).as_posix(): path for path in paths}
    return {name: sha256(path) for name, path in names.items() if name != TASK}


def unfinished(directory: Path) -> Path:
    """Returns where a run is written before it is whole."""
    return directory.with_name(directory.name + ".unfinished")


def checkpoint_directory(directory: str) -> Path:
    """Returns where the checkpoints of an unfinished run are."""
    return unfinished(resolved_path(directory)) / CHECKPOINTS


def finished_run(directory: str) -> Run | None:
    """Returns the run of a directory if there is one, and none that is to take its place."""
    path = resolved_path(directory)
    if not (path / TASK).is_file() or unfinished(path).exists():
        return None
    shutil.rmtree(path / CHECKPOINTS, ignore_errors=True)  # of a process killed at its very end
    return Run(path)
