"""The run directory: everything that one training leaves, and all that `load` needs.

    config.toml          the resolved config, every default filled in
    model/               the model as a KerasHub preset: weights, tokenizer, tasks
    metrics.json         validation and test metrics of every task, best epoch, baseline
    loss_weights.json    the weight of each task's loss, and the rule that gave it
    class_weights.json   the weight of each class in its task's loss
    history.jsonl        one line per epoch
    predictions/         validation and test: .jsonl for people, .parquet for the report
    report.html          what this training gave, for people; its numbers in report.json and report/
    environment.json     versions, device, seconds, hashes of the data files
    tracking.json        by tracker, if the config names any, what finds its run
    tensorboard/         events for TensorBoard, if the config asks for them
    train.log            what was shown on the screen
    run.json             the number of this format
    SHA256SUMS           checksums of the files above that are read again; `model/` has its own

A run is written under `NAME.unfinished` and renamed at its end, so that a directory
under its own name is always whole. Until then `checkpoints/` holds what a stopped training
resumes from.
"""

import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from mtc_keras.config import Config, check_config, parse_toml
from mtc_keras.devices.late_tensorflow import imported_late
from mtc_keras.devices.quiet import importing_quietly
from mtc_keras.errors import DataError
from mtc_keras.files import (
    MOST_JSON,
    MOST_TOML,
    SUMS,
    Format,
    being_read,
    check_not_read,
    check_writable,
    held,
    parse_json,
    read_bytes,
    read_json,
    readable_json,
    remove_leftovers,
    replace_file,
    resolved,
)
from mtc_keras.model import saved
from mtc_keras.model.checking import UNCHECKED, check_preset, check_sums
from mtc_keras.model.keras_file import SUFFIX, load_keras_file
from mtc_keras.run.schema import About, Environment, Epoch, LossWeights, Metrics
from mtc_keras.tasks import Decision

MODEL, CHECKPOINTS, PREDICTIONS = "model", "checkpoints", "predictions"
RUN, CONFIG = "run.json", "config.toml"
# In run.json from the beginning: the sign that the folder is ours.
WRITTEN_BY = "written_by"
MARK = {WRITTEN_BY: "mtc-keras"}
TASK = f"{MODEL}/{saved.TASK}"
# What is read again, beside the model; each has a checksum.
READ = (
    *(RUN, CONFIG, "metrics.json", "loss_weights.json", "class_weights.json"),
    *("environment.json", "history.jsonl"),
)
FAILED = "failed.txt"  # of an unfinished run: why its training ended, for `--resume` to say
REPORT = "report.html"  # and its numbers beside it
REPORT_TABLES = "report"  # a folder of csv
REPORT_FILES = (REPORT, "report.json", REPORT_TABLES)
# Where the runs of trackers are found, and the folder of what TensorBoard reads.
TRACKING, EVENTS = "tracking.json", "tensorboard"
FILES = {
    *(*READ, *REPORT_FILES, FAILED, SUMS, MODEL, CHECKPOINTS, PREDICTIONS, "train.log"),
    *(TRACKING, EVENTS),
}
PREDICTED = {f"{split}.{form}" for split in ("validation", "test") for form in ("jsonl", "parquet")}
HINT = "train it again, or copy it again"


def _checksums_of_none(values: dict[str, Any]) -> dict[str, Any]:
    return {"sha256": {}, **values}


# 1 had checksums of the model in run.json; since 2 they are in SHA256SUMS, of more files.
FORMAT = Format(migrations=(_checksums_of_none, dict))


class Run:
    """A finished run.

    Args:
        directory: the run directory.
        is_here: bool. `False` on the processes of a training that have not written it, whose
            machines may not see it.
        check: bool. `False` reads files that have changed since they were written, such as those
            of a run that was edited by hand.

    Raises:
        DataError: if the directory holds no finished run, one that is damaged, or that of a newer
            version.
    """

    def __init__(self, directory: str | Path, is_here: bool = True, *, check: bool = True) -> None:
        self.directory = Path(directory)
        self.is_here = is_here
        self._is_held = False
        self.check = check
        self._is_checked = False
        if not is_here:
            return
        if not (self.directory / TASK).is_file():
            problem = "does not exist" if not self.directory.exists() else "holds no finished run"
            if unfinished(self.directory).exists():
                problem += f" ({unfinished(self.directory)} was not finished)"
            raise DataError(
                f"run directory {str(self.directory)!r} {problem}; it is made by `mtc-keras train`"
            )
        about = self._about()
        if check:
            self._check_files(about)

    @cached_property
    def config(self) -> Config:
        """The resolved config."""
        where = str(self.directory / CONFIG)
        try:
            content = read_bytes(self.directory / CONFIG, MOST_TOML)
        except ValueError as error:
            raise self._damaged(CONFIG, error) from None
        return check_config(parse_toml(content, where), where, quiet=True)

    @cached_property
    def saved(self) -> saved.SavedClassifier:
        """What the model predicts and how it decides, without loading it."""
        return saved.saved_classifier(self.directory / MODEL)

    @cached_property
    def model(self) -> Any:
        """The `MultiTaskClassifier`, of its best epoch."""
        self.check_model()
        with importing_quietly():
            with imported_late():
                from mtc_keras.model.classifier import MultiTaskClassifier

            return MultiTaskClassifier.from_preset(str(self.directory / MODEL), check=False)

    def check_model(self) -> None:
        """Checks the files of the model once, but for what only building it can show.

        Raises:
            DataError: naming each that has changed, or is none that a model has.
        """
        if not self._is_checked:
            check_preset(self.directory / MODEL, self.check)
            self._check_tasks()
            self._is_checked = True

    def _check_tasks(self) -> None:
        """Checks that rows will be read for the tasks that the model has."""
        described = {task.name: task for task in self.config.task_list}
        for task in self.saved.tasks:
            other = described.pop(task.name, None)
            if other is None or (other.kind, other.known_classes) != (
                task.kind,
                task.known_classes,
            ):
                problem = f"does not describe task {task.name!r} as {TASK} does"
                raise self._damaged(CONFIG, problem)
        if described:
            problem = f"has a task {next(iter(described))!r}, which the model does not have"
            raise self._damaged(CONFIG, problem)

    def _check_files(self, about: About) -> None:
        """Checks that all files beside the model are those that were written."""
        where = f"run {str(self.directory)!r}"
        check_sums(self.directory, where, READ, older=about.sha256, needed=about.has_sums)
        if about.has_sums and not (self.directory / MODEL / SUMS).exists():
            raise DataError(f"{where} is damaged; {UNCHECKED}", [f"{MODEL}/{SUMS}: is gone"])

    def save_decisions(self, decisions: Mapping[str, Decision]) -> None:
        """Puts changed temperatures and thresholds into the saved model, whole or not at all.

        Raises:
            ConfigError: if another process is training into the directory, or reading the run; or
                if it may not be written to.
        """
        with self.being_changed():
            task = read_json(self.directory / TASK)
            values = {name: decision.to_dict() for name, decision in decisions.items()}
            task["config"]["decisions"] = values
            replace_file(self.directory / MODEL, saved.TASK, readable_json(task))
            self.__dict__.pop("saved", None)

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
            remove_leftovers(path / MODEL)  # of a process that was killed as it wrote here
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
        return self._read("metrics.json", Metrics)

    @property
    def environment(self) -> dict[str, Any]:
        """What `environment.json` holds."""
        return self._read("environment.json", Environment)

    @property
    def loss_weights(self) -> dict[str, dict[str, Any]]:
        """What `loss_weights.json` holds: for each task its `rule`, `loss` and `weight`."""
        return self._read("loss_weights.json", LossWeights)

    @property
    def constants(self) -> dict[str, Any]:
        """For each task the constant prediction of the baseline, learned in training.

        Raises:
            DataError: if a task's is not of the form of its targets.
        """
        constants = self.metrics["constant_prediction"]
        for task in self.saved.tasks:
            found = np.asarray(constants.get(task.name, ""))
            is_index = task.prediction_dtype.startswith("int")
            form = () if is_index else np.shape(task.missing_target)
            most = len(task.known_classes) - 1 if is_index else math.inf
            if found.dtype.kind not in "if" or found.shape != form or (found > most).any():
                problem = f"constant_prediction does not fit task {task.name!r}"
                raise self._damaged("metrics.json", problem)
        return {name: np.asarray(constant) for name, constant in constants.items()}

    @property
    def history(self) -> list[dict[str, Any]]:
        """A dict per epoch."""
        try:
            lines = read_bytes(self.directory / "history.jsonl", MOST_JSON).splitlines()
            epochs = [parse_json(line) for line in lines]
            for epoch in epochs:
                Epoch.model_validate(epoch)
            return epochs
        except ValueError as error:
            raise self._damaged("history.jsonl", error) from None

    def _about(self) -> About:
        """Returns what the run says of itself; raises `DataError` if a newer version wrote it."""
        if not (self.directory / RUN).exists() and not (self.directory / RUN).is_symlink():
            return About()
        try:
            values = read_json(self.directory / RUN)
            if not isinstance(values, dict):
                raise ValueError("holds no JSON object")
            written_as = values.get("format")
            values = FORMAT.read(values, f"run {str(self.directory)!r}")
            return About.model_validate({**values, "format": written_as})
        except DataError:  # of a newer version
            raise
        except ValueError as error:
            raise self._damaged(RUN, error) from None

    def _read(self, name: str, schema: type[BaseModel]) -> dict[str, Any]:
        """Returns what a JSON file holds.

        Raises:
            DataError: if it is gone, or holds something else.
        """
        try:
            values = read_json(self.directory / name)
            schema.model_validate(values)
            return values
        except ValueError as error:
            raise self._damaged(name, error) from None

    def _damaged(self, name: str, problem: str | Exception) -> DataError:
        shown = saved.first_problem(problem) if isinstance(problem, Exception) else problem
        return DataError(f"run {str(self.directory)!r} is damaged; {HINT}", [f"{name}: {shown}"])


def load(directory: str | Path, *, check: bool = True) -> Any:
    """Loads the model of a run.

    Args:
        directory: the run directory, as named in `output.directory`; or a `.keras` file that
            `model.save` has written.
        check: bool. `False` loads files that have changed since they were written, such as those
            of a run that was edited by hand.

    Returns:
        The `MultiTaskClassifier` with tokenizer, tasks and classes.

    Raises:
        DataError: if the directory holds no finished run, or one that is damaged.

    Example:

    ```python
    model = mtc_keras.load("runs/quickstart")
    model.classify(["Nobody could tell me which form to use."])
    ```
    """
    path = Path(directory)
    if path.suffix == SUFFIX and not path.is_dir():
        return load_keras_file(path)
    if (path / saved.TASK).is_file():
        raise DataError(
            f"{str(path)!r} is a preset and no run; MultiTaskClassifier.from_preset loads it"
        )
    return Run(directory, check=check).model


def resolved_path(directory: str) -> Path:
    """Returns the directory itself: `~` expanded, links followed.

    Raises:
        ConfigError: if no directory can have that path.
    """
    return resolved(directory, f"output.directory: {directory!r}")


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
