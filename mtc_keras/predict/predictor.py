"""What predicts, whatever it was made of: one small interface."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtc_keras.config import DataConfig
from mtc_keras.errors import ConfigError
from mtc_keras.files import being_read, sha256
from mtc_keras.tasks import Decision, Task

if TYPE_CHECKING:
    from mtc_keras.model.explanation import Explanation

NO_GRADIENTS = (
    "--explain needs gradients, and an export has none; name the run that it was written from: "
    "--model RUN"
)


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

    def deciding_windows(
        self, texts: tuple[Sequence[str], ...]
    ) -> tuple[dict[str, np.ndarray], list[Mapping[str, Any]]]:
        """Returns what `predict` does, and for each text a dict from task to its window.

        Raises:
            ConfigError: if texts are not read in windows, or that cannot be told of them.
        """
        raise ConfigError("explain_window needs a run; an export does not tell its windows")

    def explain(
        self, texts: tuple[Sequence[str], ...], labels: Mapping[str, str | None]
    ) -> list[dict[str, "Explanation"]]:
        """Returns for each text a dict from task to what its words contributed.

        Args:
            texts: as for `predict`.
            labels: dict from each task to explain to the label, `None` for the most probable one.

        Raises:
            ConfigError: if the model cannot be explained.
        """
        raise ConfigError(NO_GRADIENTS)

    def being_read(self) -> AbstractContextManager[None]:
        """Says that its files are being read while the context lasts, and must stay as they are."""
        return being_read(self.path)

    def fingerprint(self) -> str:
        """Returns a hash of the files that decide its numbers."""
        digest = hashlib.sha256()
        for file in sorted(self.files()):
            digest.update(f"{file.relative_to(self.path).as_posix()}\0{sha256(file)}\n".encode())
        return digest.hexdigest()
