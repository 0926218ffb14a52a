"""Exports that predict: a SavedModel by TensorFlow alone, ONNX by ONNX Runtime alone."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from mtc_keras.config import READ_BY, DataConfig
from mtc_keras.devices.quiet import quietly
from mtc_keras.errors import DataError, first_cause, listed
from mtc_keras.export.folder import (
    ABOUT,
    FORMAT,
    ONNX_ABOUT,
    check_asking,
    check_utf8,
    is_version,
)
from mtc_keras.export.onnx.ask import (
    MODEL,
    POOL,
    TEXTS_AT_ONCE,
    TOKENIZER,
    ServedOnnx,
    as_rows,
    is_onnx,
    similar,
    usable_cores,
)
from mtc_keras.export.saved_model.ask import Served
from mtc_keras.files import read_json
from mtc_keras.model.checking import check_sums
from mtc_keras.model.saved import decisions_of, first_problem
from mtc_keras.predict.predictor import Predictor
from mtc_keras.tasks import Decision, Task, task_from_config

SAVED_MODEL = "saved_model.pb"
BYTES_PER_TOKEN = 4  # of English
DECIDED = ("temperature", "thresholds")


def export_in(path: Path) -> Path | None:
    """Returns the folder of the export that a path names, the newest of several versions.

    Args:
        path: a version's folder, or the folder of versions.
    """
    if _is_export(path):
        return path
    versions = [found for found in path.glob("*") if is_version(found) and _is_export(found)]
    return max(versions, key=lambda found: int(found.name)) if versions else None


def _is_export(path: Path) -> bool:
    return (path / SAVED_MODEL).is_file() or is_onnx(path)


def opened(folder: Path, check: bool = True) -> "ExportPredictor":
    """Returns the predictor of an export's folder."""
    return OnnxPredictor(folder, check) if is_onnx(folder) else SavedModelPredictor(folder, check)


class ExportPredictor(Predictor):
    """An export, computed without Keras.

    Args:
        path: the folder of the export.
        check: bool. `False` reads files that have changed since they were written.

    Raises:
        ConfigError: if what computes it cannot name the folder, or is not installed.
        DataError: if a file has changed, or its `mtc_keras.json` is missing or does not fit.
    """

    needed: tuple[str, ...]  # files of it that are read, if they are there

    def __init__(self, path: Path, check: bool = True) -> None:
        self.path, self.check = path, check
        check_utf8(path)
        if check:
            check_sums(path, f"export {str(path)!r}", self.needed)
        self.tasks, self.decisions, self.data = read_about(path)

    def files(self) -> Iterator[Path]:
        yield from (path for path in self.path.rglob("*") if path.is_file())

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
        found = self.answers([[column[row] for row in order] for column in texts])
        restored = np.argsort(order, kind="stable")
        return {task.name: found[task.name][restored] for task in self.tasks}

    def load(self) -> None:
        try:
            self._load()
        except Exception as error:  # of any library, on a file that is cut short or of another sort
            raise DataError(
                f"the export {str(self.path)!r} cannot be loaded: {first_cause(error)}"
            ) from error

    @abstractmethod
    def _load(self) -> None:
        """Loads it by whichever library computes it."""

    @abstractmethod
    def answers(self, texts: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
        """Returns what the export answers to texts, one sequence of N strings or two."""


class SavedModelPredictor(ExportPredictor):
    """A SavedModel that takes text, computed by TensorFlow alone."""

    needed = (SAVED_MODEL, ABOUT)

    def _load(self) -> None:
        with quietly():
            self._served = Served(self.path)

    def answers(self, texts: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
        sizes = [[len(text.encode("utf-8", "replace")) for text in column] for column in texts]
        lengths = np.sum(sizes, axis=0) // BYTES_PER_TOKEN

        def ask(part: tuple[int, int]) -> dict[str, np.ndarray]:
            rows = slice(*part)
            return self._served.ask("serving_default", [c[rows] for c in texts], TEXTS_AT_ONCE)

        # TensorFlow leaves a part of the cores idle in one call.
        with ThreadPoolExecutor(usable_cores()) as threads:
            answers = list(threads.map(ask, similar(lengths)))
        return {name: np.concatenate([found[name] for found in answers]) for name in answers[0]}


class OnnxPredictor(ExportPredictor):
    """An ONNX model beside its `tokenizer.json`, computed by ONNX Runtime on the CPU."""

    needed = (MODEL, POOL, TOKENIZER, ONNX_ABOUT)

    def __init__(self, path: Path, check: bool = True) -> None:
        check_asking()
        super().__init__(path, check)
        if not (path / TOKENIZER).is_file():
            raise DataError(f"the export {str(path)!r} has no {TOKENIZER}; copy all files of it")

    def _load(self) -> None:
        self._served = ServedOnnx(self.path)

    def answers(self, texts: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
        return self._served.answer(as_rows(texts))


def read_about(path: Path) -> tuple[list[Task], dict[str, Decision], DataConfig]:
    """Reads what an export says of itself.

    `inputs` holds for each input of its signature the column of texts, `data` how its run read
    rows: the column of ids, those to `rename`, encoding and the like; `tasks` for each task's name
    its `kind`, and where it has them `classes`, `class_names`, `separator`, `temperature` and
    `thresholds`.

    Raises:
        DataError: if the file is missing or holds something else.
    """
    file = path / (ONNX_ABOUT if is_onnx(path) else ABOUT)
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
