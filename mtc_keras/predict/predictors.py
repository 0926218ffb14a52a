"""What can predict: a run, or an export, behind one small interface."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from mtc_keras.config import READ_BY, DataConfig, reread_data
from mtc_keras.devices.quiet import quietly
from mtc_keras.devices.startup import start
from mtc_keras.errors import ConfigError, DataError, listed
from mtc_keras.export.folder import ABOUT, FORMAT, check_utf8, is_version
from mtc_keras.export.onnx.ask import is_onnx
from mtc_keras.export.saved_model.ask import Served
from mtc_keras.files import being_read, json_line, read_json, sha256
from mtc_keras.model.checking import check_sums
from mtc_keras.model.saved import decisions_of, first_problem
from mtc_keras.run.directory import MODEL, Run
from mtc_keras.tasks import Decision, Task, task_from_config

if TYPE_CHECKING:
    from mtc_keras.model.classifier import MultiTaskClassifier

AnyModel = Union[str, Path, Run, "MultiTaskClassifier", "Predictor"]

SAVED_MODEL = "saved_model.pb"
EXPORT_BATCH = 32
DECIDED = ("temperature", "thresholds")


class Predictor(ABC):
    """A trained model that gives probabilities of texts; nothing heavy is loaded until `load`.

    Attributes:
        path: where it lies.
        tasks: its tasks, their classes known.
        decisions: dict from each task with probabilities to its `Decision`.
        data: how its rows are read: text columns, renaming, id.
        check: whether its files must be those that were written.
    """

    path: Path
    tasks: Sequence[Task]
    decisions: Mapping[str, Decision]
    data: DataConfig
    check: bool = True

    @abstractmethod
    def files(self) -> Iterator[Path]:
        """Yields the files that decide its numbers."""

    @abstractmethod
    def load(self) -> None:
        """Loads the model itself, which takes seconds."""

    @abstractmethod
    def predict(
        self, texts: tuple[Sequence[str], ...], *, raw: bool = False
    ) -> dict[str, np.ndarray]:
        """Returns calibrated probabilities (regression: values) of loaded models.

        Args:
            texts: N strings for each text column, N ≥ 1.
            raw: bool. `True` leaves out the temperatures of `decisions`.

        Returns:
            dict in the tasks' order, from name to float32 of shape `(N, classes)`, or `(N,)`
            for regression. They depend on these texts alone, and not on earlier calls.
        """

    def explain(
        self, texts: tuple[Sequence[str], ...]
    ) -> tuple[dict[str, np.ndarray], list[Mapping[str, Any]]]:
        """Returns what `predict` does, and for each text a dict from task to its window.

        Raises:
            ConfigError: if texts are not read in windows, or that cannot be told of them.
        """
        raise ConfigError("explain_window needs a run; an export does not tell its windows")

    def being_read(self) -> AbstractContextManager[None]:
        """Says that its files are being read while the context lasts, and must stay as they are."""
        return being_read(self.path)

    def fingerprint(self) -> str:
        """Returns a hash of the files that decide its numbers."""
        digest = hashlib.sha256()
        for file in sorted(self.files()):
            digest.update(f"{file.relative_to(self.path).as_posix()}\0{sha256(file)}\n".encode())
        return digest.hexdigest()


def open_predictor(
    model: AnyModel, check: bool = True, reading: Mapping[str, Any] | None = None
) -> Predictor:
    """Returns the predictor of a model; nothing heavy is loaded yet.

    Args:
        model: the path of a run, of an export's folder, or of the folder of an export's versions,
            of which the newest is taken; a `Run`, a `MultiTaskClassifier`, or a `Predictor`, which
            is returned.
        check: bool. `False` reads files that have changed since they were written.
        reading: keys of `[data]` that say how rows are read in another way than the model says.

    Raises:
        ConfigError: if a key of `reading` says something else.
        DataError: if a path is neither, or the model is none.
    """
    predictor = _opened(model, check)
    if not reading:
        return predictor
    predictor = copy(predictor)  # it may be the caller's
    predictor.data = reread_data(predictor.data, reading)
    return predictor


def _opened(model: AnyModel, check: bool) -> Predictor:
    if isinstance(model, Predictor):
        return model
    if isinstance(model, Run):
        return RunPredictor(model)
    if not isinstance(model, (str, Path)):
        return ModelPredictor(model)
    path = Path(model)
    if (path / SAVED_MODEL).is_file():
        return ExportPredictor(path, check)
    if is_onnx(path):
        raise _not_asked(path, "is an ONNX export")
    folders = [found.parent for found in path.glob(f"*/{SAVED_MODEL}")]
    versions = [folder for folder in folders if is_version(folder)]
    if versions:
        newest = max(versions, key=lambda folder: int(folder.name))
        return ExportPredictor(newest, check)
    if any(is_version(folder) and is_onnx(folder) for folder in path.glob("*")):
        raise _not_asked(path, "holds versions of an ONNX export")
    return RunPredictor(Run(path, check=check))


def _not_asked(path: Path, what: str) -> DataError:
    return DataError(
        f"{str(path)!r} {what}, which its own clients ask; name its run, or a SavedModel"
    )


def version_taken(model: AnyModel, predictor: Predictor) -> str:
    """Returns a line that says which version of an export was taken, if its folder was named."""
    if not isinstance(model, (str, Path)) or Path(model) == predictor.path:
        return ""
    return f"{model} holds versions of an export; {predictor.path.name} is the newest, and predicts"


class KerasPredictor(Predictor):
    """A model that Keras computes.

    Attributes:
        batch_size: optional int. Most texts per batch; default: as of the model.
    """

    batch_size: int | None = None
    _model: "MultiTaskClassifier"

    def predict(
        self, texts: tuple[Sequence[str], ...], *, raw: bool = False
    ) -> dict[str, np.ndarray]:
        x = texts if len(texts) > 1 else texts[0]
        return self._model.predict(x, self.batch_size, verbose=0, raw=raw)

    def explain(
        self, texts: tuple[Sequence[str], ...]
    ) -> tuple[dict[str, np.ndarray], list[Mapping[str, Any]]]:
        from mtc_keras.model.deciding_windows import explained

        if self._model.long_texts != "windows":
            raise ConfigError(
                'explain_window needs a model of long_texts = "windows", and this one has '
                f'"{self._model.long_texts}"'
            )
        probabilities, windows = explained(self._model, texts[0], self.batch_size)
        return probabilities, [dict(found) for found in windows]


class RunPredictor(KerasPredictor):
    """A finished run.

    Args:
        run: the `Run`.
    """

    def __init__(self, run: Run) -> None:
        self.path = run.directory
        self.run, self.check = run, run.check
        run.check_model()  # before anything else is read
        self.data = run.config.data
        self.batch_size = run.config.training.batch_size
        self.tasks, self.decisions = run.saved.tasks, run.saved.decisions

    def files(self) -> Iterator[Path]:
        yield self.path / "config.toml"
        yield from (path for path in (self.path / MODEL).rglob("*") if path.is_file())

    def load(self) -> None:
        start(self.run.config.distribution)
        self._model = self.run.model


class ModelPredictor(KerasPredictor):
    """A model in memory, whose rows have their text in a column `text`.

    Args:
        model: the `MultiTaskClassifier`.

    Raises:
        DataError: if it is something else.
    """

    path = Path("a model in memory")

    def __init__(self, model: "MultiTaskClassifier") -> None:
        from mtc_keras.model.classifier import MultiTaskClassifier

        if not isinstance(model, MultiTaskClassifier):
            raise DataError(
                "a model is the path of a run or an export, a Run or a MultiTaskClassifier, "
                f"received {type(model).__name__}"
            )
        self._model = model
        self.tasks, self.decisions = model.tasks, model.decisions
        self.data = DataConfig()

    def files(self) -> Iterator[Path]:
        yield from ()

    def being_read(self) -> AbstractContextManager[None]:
        return nullcontext()

    def fingerprint(self) -> str:
        from keras import ops

        decided = {name: decision.to_dict() for name, decision in self.decisions.items()}
        tasks = [task.model_dump() for task in self.tasks]
        digest = hashlib.sha256(json_line([tasks, decided]).encode())
        for weight in self._model.weights:
            digest.update(ops.convert_to_numpy(weight).tobytes())
        return digest.hexdigest()

    def load(self) -> None:
        """It is loaded."""


class ExportPredictor(Predictor):
    """A SavedModel that takes text, computed by TensorFlow alone.

    Args:
        path: the folder with `saved_model.pb`.
        check: bool. `False` reads files that have changed since they were written.

    Raises:
        ConfigError: if TensorFlow cannot name the folder.
        DataError: if a file has changed, or its `assets.extra/mtc_keras.json` is missing or does
            not fit.
    """

    def __init__(self, path: Path, check: bool = True) -> None:
        self.path, self.check = path, check
        check_utf8(path)
        if check:
            check_sums(path, f"export {str(path)!r}", (SAVED_MODEL, ABOUT))
        self.tasks, self.decisions, self.data = read_about(path)

    def files(self) -> Iterator[Path]:
        yield from (path for path in self.path.rglob("*") if path.is_file())

    def load(self) -> None:
        with quietly():
            self._served = Served(self.path)

    def predict(
        self, texts: tuple[Sequence[str], ...], *, raw: bool = False
    ) -> dict[str, np.ndarray]:
        if raw and (hot := [n for n, d in self.decisions.items() if d.temperature != 1]):
            raise DataError(
                f"the export {str(self.path)!r} has temperatures of {listed(hot)} in it, and no "
                "raw probabilities: name its run"
            )
        # Batches of similar length, because each is as wide as its longest text.
        sizes = [[len(text.encode("utf-8", "replace")) for text in column] for column in texts]
        lengths = np.sum(sizes, axis=0)
        order = np.argsort(-lengths, kind="stable")
        sorted_texts = [[column[row] for row in order] for column in texts]
        found = self._served.ask("serving_default", sorted_texts, EXPORT_BATCH)
        restored = np.argsort(order, kind="stable")
        return {task.name: found[task.name][restored] for task in self.tasks}


def read_about(path: Path) -> tuple[list[Task], dict[str, Decision], DataConfig]:
    """Reads what an export says of itself.

    `inputs` holds for each input of its signature the column of texts, `data` how its run read
    rows: the column of ids, those to `rename`, encoding and the like; `tasks` for each task's name
    its `kind`, and where it has them `classes`, `class_names`, `separator`, `temperature` and
    `thresholds`.

    Raises:
        DataError: if the file is missing or holds something else.
    """
    file = path / ABOUT
    try:
        about = read_json(file)
        about = FORMAT.read(about, f"export {str(path)!r}")
        tasks, decisions = [], {}
        for name, entry in about["tasks"].items():
            described = {key: value for key, value in entry.items() if key not in DECIDED}
            tasks.append(task_from_config({"name": name, **described}))
            decisions[name] = {key: entry[key] for key in DECIDED if key in entry}
        columns = list(about["inputs"].values())
        read_by = {key: value for key, value in about.get("data", {}).items() if key in READ_BY}
        text = columns if len(columns) > 1 else columns[0]
        data = DataConfig.model_validate({"text": text, **read_by})
        return tasks, decisions_of(tasks, decisions), data
    except DataError:  # of a newer version
        raise
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        problem = first_problem(error)
    raise DataError(
        f"{str(file)!r} does not say what the export predicts: {problem}; "
        "export the run again with `mtc-keras export`"
    )
