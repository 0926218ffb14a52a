"""The decisions of a task: its temperature and the thresholds of its labels."""

import math
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

DEFAULT_THRESHOLD = 0.5


class Thresholds(MutableMapping[str, float]):
    """A threshold for each class, in the task's order: a class is predicted from there on (≥).

    Args:
        classes: the class names.
        values: optional dict from class to threshold; others are 0.5.
    """

    def __init__(self, classes: Sequence[str], values: Mapping[str, float] | None = None) -> None:
        self._values = dict.fromkeys(classes, DEFAULT_THRESHOLD)
        for name, value in (values or {}).items():
            self[name] = value

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    def __setitem__(self, name: str, value: float) -> None:
        from mtc_keras.errors import did_you_mean, listed

        if name not in self._values:
            raise ValueError(
                f"{name!r} has no threshold.{did_you_mean(str(name), self._values)} "
                f"Classes with one: {listed(list(self._values)) or 'none'}"
            )
        if not 0 <= _number(value) <= 1:
            raise ValueError(f"a threshold must be a number between 0 and 1. Received: {value!r}")
        self._values[name] = float(value)

    def __delitem__(self, name: str) -> None:
        raise TypeError("a class cannot lose its threshold; set it to 0.5, the default")


class Decision:
    """How a task's logits become probabilities, and its probabilities labels.

    Args:
        classes: names of the classes that have a threshold; none for a task that chooses
            exactly one class.
        temperature: float > 0. Logits are divided by it; above 1 it makes a model less sure.
        thresholds: optional dict from class to threshold; others are 0.5.

    Attributes:
        temperature: the temperature; may be set.
        thresholds: the `Thresholds`; single ones may be set.
    """

    def __init__(
        self,
        classes: Sequence[str] = (),
        temperature: float = 1.0,
        thresholds: Mapping[str, float] | None = None,
    ) -> None:
        self._classes = list(classes)
        self.temperature = temperature
        self.thresholds = thresholds or {}

    @property
    def temperature(self) -> float:
        return self._temperature

    @temperature.setter
    def temperature(self, value: float) -> None:
        if not 0 < _number(value) < math.inf:
            raise ValueError(
                f"a temperature must be a number above 0 and finite. Received: {value!r}"
            )
        self._temperature = float(value)

    @property
    def thresholds(self) -> Thresholds:
        return self._thresholds

    @thresholds.setter
    def thresholds(self, values: Mapping[str, float]) -> None:
        self._thresholds = Thresholds(self._classes, values)

    @property
    def threshold_array(self) -> np.ndarray:
        """Thresholds as float32 of shape `(C,)`."""
        return np.array(list(self.thresholds.values()), "float32")

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values; `Decision(classes, **values)` reads them."""
        return {"temperature": self.temperature, "thresholds": dict(self.thresholds)}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Decision) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    def __repr__(self) -> str:
        return f"Decision(temperature={self.temperature}, thresholds={dict(self.thresholds)})"


def _number(value: Any) -> float:
    """Returns a value as a number, NaN where it is none: text such as "0.5", or true."""
    if isinstance(value, (bool, str, bytes)):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
