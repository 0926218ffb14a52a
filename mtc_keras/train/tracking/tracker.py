"""What every tracker does: it begins a run, takes numbers by epoch, and ends."""

import math
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mtc_keras.files import json_line

Link = dict[str, str]  # by which a tracker's run is found again

MOST_CHARACTERS = 500  # of a parameter: lists of classes may be long
_CREDENTIALS = re.compile(r"//[^/@\s]+@")


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is told of a run.

    Args:
        name: the name of the run directory.
        directory: the run directory, which gets its name when the run is whole.
        parameters: the resolved config by dotted key.
        epochs_before: int. Epochs that were done before a training was resumed.
    """

    name: str
    directory: Path
    parameters: Mapping[str, Any]
    epochs_before: int


class Tracker(ABC):
    """A tracker. Whatever goes wrong in it raises an error, after which it is not used."""

    name: ClassVar[str]  # its key in `[tracking]`
    hint: ClassVar[str]  # what to look at when it fails

    @abstractmethod
    def begin(self, run: TrackedRun, earlier: Link) -> Link:
        """Begins a run, or goes on with an earlier one.

        Args:
            run: what is trained.
            earlier: what this method returned when the training began that is resumed; else empty.

        Returns:
            What finds the tracker's run again, for people and for `earlier`.
        """

    @abstractmethod
    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Takes numbers by name after so many epochs."""

    @abstractmethod
    def finish(self, files: Sequence[Path]) -> None:
        """Ends a run that is whole, and keeps files of it."""

    @abstractmethod
    def stop(self, is_failed: bool) -> None:
        """Leaves a run that was interrupted, so that it can be gone on with."""


def tracked_numbers(
    logs: Mapping[str, Any], tasks: Sequence[str], prefix: str = ""
) -> dict[str, float]:
    """Returns the numbers of an epoch by task, such as `mood/val_accuracy` for `val_mood_accuracy`.

    Args:
        logs: as Keras has them; what is no finite number is left out.
        tasks: the names of the tasks.
        prefix: what the names begin with, beside Keras' `val_`.
    """
    found: dict[str, float] = {}
    for key, value in logs.items():
        number = float(value) if isinstance(value, (int, float)) or hasattr(value, "item") else None
        if number is None or not math.isfinite(number):
            continue
        before = "val_" if key.startswith("val_") else prefix
        rest = key.removeprefix(before)
        own = [task for task in tasks if rest.startswith(f"{task}_")]
        task = max(own, key=len, default=None)
        name = key if task is None else f"{task}/{before}{rest.removeprefix(f'{task}_')}"
        found[name] = number
    return found


def parameter_text(value: Any) -> str:
    """Returns a parameter as a text that is short enough to be shown."""
    text = value if isinstance(value, str) else json_line(value)
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"


def without_credentials(text: str) -> str:
    """Returns a text whose addresses name no user and no password."""
    return _CREDENTIALS.sub("//", text)


@contextmanager
def variables(**values: str) -> Iterator[None]:
    """Sets variables of the environment that are not set, as long as a client is asked."""
    given = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(given)
    try:
        yield
    finally:
        for name in given:
            os.environ.pop(name, None)
