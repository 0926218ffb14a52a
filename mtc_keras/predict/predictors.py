"""What can predict: a run, a model in memory or an export."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from mtc_keras.config import DataConfig, reread_data
from mtc_keras.devices.startup import start
from mtc_keras.errors import ConfigError, DataError, listed
from mtc_keras.files import json_line
from mtc_keras.predict.exports import export_in, opened
from mtc_keras.predict.predictor import Predictor
from mtc_keras.run.directory import MODEL, TASK, Run, unfinished

if TYPE_CHECKING:
    from mtc_keras.model.classifier import MultiTaskClassifier
    from mtc_keras.model.explanation import Explanation

AnyModel = Union[str, Path, Run, "MultiTaskClassifier", "Predictor"]


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
    folder = export_in(path)
    if folder is not None:
        return opened(folder, check)
    if not (path / TASK).is_file() and not unfinished(path).exists():
        raise DataError(_why_no_model(path))
    return RunPredictor(Run(path, check=check))


def _why_no_model(path: Path) -> str:
    """Returns what is wrong with a path that is neither a run nor an export."""
    makers = "`mtc-keras train` makes a run, `mtc-keras export` an export"
    if not path.exists():
        return f"{str(path)!r} does not exist; {makers}"
    if not path.is_dir():
        return f"{str(path)!r} is a file; a run and an export are folders"
    inner = sorted(str(found.parents[1]) for found in path.glob(f"*/{TASK}"))
    inner += sorted(str(found) for found in path.glob("*/") if export_in(found) is not None)
    remedy = f"name one of those in it: {listed(inner)}" if inner else makers
    return f"{str(path)!r} holds no finished run and no export; {remedy}"


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

    def prepare_to_last(self, seconds: float) -> bool:
        """Compiles what texts need before they come, for a process that predicts again and again.

        See `model.lasting.prepare_to_last`. Returns whether there was time for all.
        """
        from mtc_keras.model.lasting import prepare_to_last

        return prepare_to_last(self._model, self.batch_size, seconds)

    def predict(
        self, texts: tuple[Sequence[str], ...], *, raw: bool = False
    ) -> dict[str, np.ndarray]:
        x = texts if len(texts) > 1 else texts[0]
        return self._model.predict(x, self.batch_size, verbose=0, raw=raw)

    def deciding_windows(
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

    def explain(
        self, texts: tuple[Sequence[str], ...], labels: Mapping[str, str | None]
    ) -> list[dict[str, "Explanation"]]:
        x = texts if len(texts) > 1 else texts[0]
        found: list[dict[str, Explanation]] = [{} for _ in texts[0]]
        try:
            if not any(labels.values()) and len(labels) == len(self.tasks):
                return self._model.explain(x)
            for task, label in labels.items():
                for row, by_task in zip(found, self._model.explain(x, task, label), strict=True):
                    row |= by_task
        except ValueError as error:  # that says what is in the way
            raise ConfigError(str(error)) from error
        return found


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
