"""What the kinds with a number per row share. Shapes: N rows."""

import math
import re
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from mtc_keras.files import json_line
from mtc_keras.tasks.base import Task
from mtc_keras.tasks.columns import Cell, Cells, Mistake
from mtc_keras.tasks.decision import Decision
from mtc_keras.tasks.markers import MARKERS
from mtc_keras.tasks.spelling import number_of

if TYPE_CHECKING:
    import tensorflow as tf

_WITH_COMMA = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)?(?:,\d*)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
LARGEST = float(np.finfo("float32").max)


class NumberTask(Task):
    """A number per row: how it is read, judged and shown. Head, loss and activation are the kind's.

    Targets and predictions are float32 of shape `(N,)`; NaN marks a missing target.
    """

    decimal: Literal[".", ","] | None = Field(
        default=None,
        description="Decimal mark of numbers in text; with ',' a point separates thousands. "
        "Default: a point.",
    )

    expected: ClassVar[str] = "a number"  # what a message says of a cell that is none

    def takes(self, numbers: Any) -> Any:
        """Whether a finite number may be a label; for an array, whether each of its numbers may."""
        return np.ones(np.shape(numbers), bool)

    def model_post_init(self, context: Any) -> None:
        """Checks what involves several fields."""
        if self.path.is_vector:
            raise ValueError(
                f"column {str(self.path)!r} has several values; a {self.kind} task has one"
            )

    @property
    def missing_target(self) -> float:
        return math.nan

    def learn(self, cells: Cells) -> Self:
        self.known_numbers(cells)
        return self

    def known_numbers(self, cells: Cells) -> np.ndarray:
        """Returns the numbers of the cells that hold one, float64.

        Raises:
            ValueError: if none does.
        """
        targets, mistakes = self.encode(cells)
        known = targets[self.labelled(targets)].astype("float64")
        if not len(known):
            first = f": {mistakes[0][1]}" if mistakes else ""
            raise ValueError(
                f"column {str(self.path)!r} holds no number in any training row{first}"
            )
        return known

    def encode(self, cells: Cells) -> tuple[np.ndarray, list[Mistake]]:
        if isinstance(cells, np.ndarray) and cells.dtype == self.target_dtype:
            return cells, []
        # Numbers, unlike classes, are seldom equal; so they are read all at once.
        if set(map(type, cells)) <= {int, float, type(None)}:
            try:
                numbers = np.array([math.nan if c is None else c for c in cells], "float64")
            except OverflowError:
                return super().encode(cells)
            known = np.array([cell is not None for cell in cells], bool)
            if (abs(numbers[known]) <= LARGEST).all() and self.takes(numbers[known]).all():
                return numbers.astype(self.target_dtype), []
        return super().encode(cells)

    def read_targets(self, values: np.ndarray) -> np.ndarray:
        targets = super().read_targets(values)
        wrong = ~np.isnan(targets) & ~self.takes(targets)
        self.refuse_targets(targets, wrong, f"{self.expected}, or NaN where missing")
        return targets

    def encode_cell(self, cell: Cell) -> float:
        number = self._number_of(cell)
        if not (abs(number) <= LARGEST and self.takes(number)):
            raise ValueError(f"expected {self.expected}, received {cell!r}{self._remedy(cell)}")
        return number

    def _number_of(self, cell: Cell) -> float:
        if self.decimal == "," and isinstance(cell, str):
            text = cell.strip()
            is_one = _WITH_COMMA.fullmatch(text) is not None
            return number_of(text.replace(".", "").replace(",", ".")) if is_one else math.nan
        return number_of(cell)

    def _remedy(self, cell: Cell) -> str:
        """Returns what would make a cell right that holds no number, if that can be told."""
        column = str(self.path)
        if isinstance(cell, dict) and cell:
            numbers = [key for key, value in cell.items() if not math.isnan(number_of(value))]
            way = f"{column}.{[*numbers, *cell][0]}"
            return f"; column = {json_line(way)} reads one of its values"
        if isinstance(cell, list) and cell:
            return f"; column = {json_line(f'{column}[0]')} reads the first of them"
        if isinstance(cell, bool):
            return '; kind = "multiclass" reads true and false'
        text = cell.strip() if isinstance(cell, str) else ""
        if text in MARKERS:
            return f"; {self.missing_line(text)} reads it as no label"
        if _THOUSANDS.fullmatch(text):  # or thousandths
            return (
                '; a decimal comma must be a point, or decimal = "," be set, and a comma between '
                "thousands be left out"
            )
        return '; decimal = "," reads it' if _DECIMAL_COMMA.fullmatch(text) else ""

    def class_indicator(self, targets: np.ndarray) -> np.ndarray:
        # Quarters of the numbers are what a split keeps on both sides.
        known = targets[self.labelled(targets)]
        edges = np.quantile(known, [0.25, 0.5, 0.75]) if len(known) else np.zeros(3)
        quarter = np.where(self.labelled(targets), np.searchsorted(edges, targets), -1)
        return quarter[:, None] == np.arange(4)  # (N, 4), no true where missing

    @property
    def main_metric(self) -> str:
        return "r2"

    @property
    def metric_names(self) -> tuple[str, ...]:
        return ("mae", "rmse", "r2")

    @property
    def shown_metrics(self) -> tuple[str, ...]:
        return self.metric_names

    def choose(self, probabilities: Any, decision: Decision | None, ops: ModuleType) -> Any:
        return probabilities

    def serve(
        self, probabilities: "tf.Tensor", decision: Decision | None = None
    ) -> dict[str, "tf.Tensor"]:
        """Returns `value`, the number predicted."""
        return {"value": probabilities}

    def score(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
        from mtc_keras.tasks.metrics import regression_metrics

        rows = self.labelled(targets)
        return regression_metrics(targets[rows], predictions[rows])

    def constant_prediction(self, training_targets: np.ndarray) -> np.ndarray:
        return np.asarray(np.nanmean(training_targets), self.target_dtype)

    def describe(
        self,
        probabilities: np.ndarray,
        decision: Decision | None = None,
        abstain_below: float | None = None,
    ) -> dict[str, Any]:
        return {"value": float(probabilities)}

    @property
    def label_type(self) -> type[float]:
        return float

    def label(self, target: np.ndarray) -> float | None:
        return None if np.isnan(target) else float(target)
