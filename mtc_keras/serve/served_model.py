"""What a server says of the model that it serves; nothing heavy is loaded for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mtc_keras.config import DataConfig
from mtc_keras.export.folder import ABOUT, ONNX_ABOUT
from mtc_keras.export.onnx.ask import is_onnx
from mtc_keras.files import read_json
from mtc_keras.predict.predictor import Predictor
from mtc_keras.predict.predictors import RunPredictor, open_predictor
from mtc_keras.serve.limits import Limits
from mtc_keras.tasks import Decision, Task

Format = Literal["run", "onnx", "saved_model"]


@dataclass(frozen=True)
class Model:
    """A version of the model that is served.

    Args:
        name: str. What clients call the model.
        version: int. Its number; that of a run is 1, and one more for each that takes its place.
        path: where it lies.
        format: `"run"`, `"onnx"` or `"saved_model"`.
        tasks: its tasks, their classes known.
        decisions: dict from each task with probabilities to its `Decision`.
        data: how its rows are read: the text columns.
        max_length: optional int. Tokens that are read of a text at once, if that is known.
        cuts: bool. Whether only so many are read of a text, and no windows.
        limits: the `Limits` of the server.
    """

    name: str
    version: int
    path: Path
    format: Format
    tasks: Sequence[Task]
    decisions: Mapping[str, Decision]
    data: DataConfig
    max_length: int | None
    cuts: bool
    limits: Limits

    @property
    def has_raw(self) -> bool:
        """Whether probabilities without temperatures can be had; an export has them inside."""
        is_tempered = any(decision.temperature != 1 for decision in self.decisions.values())
        return self.format == "run" or not is_tempered


def described(path: Path, name: str, version: int, limits: Limits) -> Model:
    """Returns what a run, or an export's version, says of itself.

    Raises:
        ConfigError: if what computes it is not installed.
        DataError: if the folder holds no model, or one that is damaged.
    """
    predictor = open_predictor(path, check=False)  # a worker has checked the files, or will
    max_length, long_texts = _lengths(predictor)
    return Model(
        name=name,
        version=version,
        path=path,
        format=_format(predictor),
        tasks=predictor.tasks,
        decisions=predictor.decisions,
        data=predictor.data,
        max_length=max_length,
        cuts=long_texts != "windows",
        limits=limits,
    )


def _format(predictor: Predictor) -> Format:
    if isinstance(predictor, RunPredictor):
        return "run"
    return "onnx" if is_onnx(predictor.path) else "saved_model"


def _lengths(predictor: Predictor) -> tuple[int | None, str]:
    """Returns the tokens that are read of a text at once, and what happens to longer ones."""
    if isinstance(predictor, RunPredictor):
        config = predictor.run.saved.config
        described: Any = (config.preprocessor or {}).get("config") or {}
        found, long_texts = described.get("sequence_length"), config.long_texts
    else:
        file = ONNX_ABOUT if is_onnx(predictor.path) else ABOUT
        about: Any = read_json(predictor.path / file)
        found, long_texts = about.get("max_length"), about.get("long_texts", "truncate")
    return (found if isinstance(found, int) else None), long_texts
