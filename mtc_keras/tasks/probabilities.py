"""Probabilities of classes, as they stand in one cell: a table, a vector, or a list of objects."""

import math
from collections.abc import Sequence

from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.spelling import number_of
from mtc_keras.tasks.votes import LABEL_KEYS
from mtc_keras.tasks.written import written_value

SCORE_KEYS = ("score", "scores", "probability", "probabilities", "prob", "p", "confidence", "share")
HOW = 'a table such as {"joy": 0.7, "anger": 0.3}'
EXACT, NEARLY = 1e-6, 0.01  # how far a sum may be from 1 in silence, and at all


def stated(cell: Cell, classes: Sequence[str] | None) -> dict[object, float]:
    """Returns the probability of each class that a cell states; NaN where it says null.

    Args:
        cell: a table by class, a vector in the order of the classes, objects with a label and a
            score, or two lists of such; or JSON text of one.
        classes: the class names in the order of a vector; `None` where only tables are read.

    Raises:
        ValueError: if it is something else.
    """
    if isinstance(cell, str):
        cell = written_value(cell)
    if isinstance(cell, dict):
        return _of_table(cell)
    if isinstance(cell, list) and cell and all(isinstance(value, dict) for value in cell):
        pairs = [_pair(value) for value in cell]
        return _without_repeats([name for name, _ in pairs], [value for _, value in pairs], cell)
    if not isinstance(cell, list):
        read = (
            'the name of a class is read with labels = "votes" as the only answer'
            if isinstance(cell, str)
            else 'a number by itself is read with kind = "regression"'
        )
        raise ValueError(f"expected {HOW}, received {cell!r}; {read}")
    if any(isinstance(value, str) and math.isnan(number_of(value or 0)) for value in cell):
        raise ValueError(f'expected {HOW}, received {cell!r}; names are read with labels = "votes"')
    if classes is None:
        raise ValueError(
            f'a list of numbers needs `classes` in its order: classes = ["…", "…"]; or {HOW}. '
            f"Received: {cell!r}"
        )
    if len(cell) != len(classes):
        raise ValueError(f"expected {len(classes)} probabilities, received {cell!r}")
    return dict(zip(classes, (_number(value, cell) for value in cell), strict=True))


def _of_table(table: dict[object, object]) -> dict[object, float]:
    label = next((key for key in LABEL_KEYS if isinstance(table.get(key), list)), None)
    score = next((key for key in SCORE_KEYS if isinstance(table.get(key), list)), None)
    if label and score:
        names, values = table[label], table[score]
        if len(names) != len(values):  # type: ignore[arg-type]
            raise ValueError(f"{label!r} and {score!r} have different lengths in {table!r}")
        return _without_repeats(names, values, table)  # type: ignore[arg-type]
    return {name: _number(value, table) for name, value in table.items()}


def _pair(value: dict[str, object]) -> tuple[object, object]:
    label = next((key for key in LABEL_KEYS if key in value), None)
    score = next((key for key in SCORE_KEYS if key in value), None)
    if label is None or score is None:
        raise ValueError(f"expected objects with a label and a score, received {value!r}; or {HOW}")
    return value[label], value[score]


def _without_repeats(
    names: Sequence[object], values: Sequence[object], cell: Cell
) -> dict[object, float]:
    found: dict[object, float] = {}
    for name, value in zip(names, values, strict=True):
        if isinstance(name, (list, dict)):
            raise ValueError(f"expected names of classes, received {name!r}")
        if name in found:
            raise ValueError(f"class {name!r} has two probabilities in {cell!r}")
        found[name] = _number(value, cell)
    return found


def _number(value: object, cell: Cell) -> float:
    """Returns a probability as it is written, NaN for null."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return math.nan
    number = number_of(value)
    if not math.isfinite(number):
        raise ValueError(f"expected numbers, received {value!r} in {cell!r}")
    if number < 0:
        raise ValueError(f"a probability cannot be below 0, received {value!r} in {cell!r}")
    return number


def normalised(values: Sequence[float], cell: Cell, *, divide: bool) -> list[float]:
    """Returns probabilities of classes of which a row has one: numbers that sum to 1.

    Args:
        values: the probabilities, 0 or more.
        cell: what they stand in, for messages.
        divide: bool. Whether to divide by a sum that is not nearly 1.

    Raises:
        ValueError: if one is null, or their sum is neither nearly 1 nor to be divided by.
    """
    total = math.fsum(values)
    if total != total:
        raise ValueError(f"a class has no probability in {cell!r}: write 0, or leave it out")
    if abs(total - 1) <= EXACT:
        return list(values)
    if total > 0 and (divide or abs(total - 1) <= NEARLY):
        return [value / total for value in values]
    lines = ["normalise = true divides by the sum"] * (total > 0)
    lines += ['kind = "multilabel" reads each by itself'] * (max(values) <= 1)
    raise ValueError(
        f"probabilities must sum to 1, those of {cell!r} sum to {total:.6g}; {', and '.join(lines)}"
    )


def single(value: float, cell: Cell) -> float:
    """Returns the probability of a class that a row has or lacks whatever the others are.

    Raises:
        ValueError: if it is above 1.
    """
    if value > 1:
        raise ValueError(
            f"a probability lies between 0 and 1, received {value:g} in {cell!r}; "
            "divide percentages by 100"
        )
    return value
