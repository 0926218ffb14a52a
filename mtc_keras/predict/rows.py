"""Predicts rows in memory: texts, a DataFrame, or dicts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from mtc_keras.errors import DataError
from mtc_keras.predict.predictor import Predictor
from mtc_keras.predict.predictors import AnyModel, open_predictor
from mtc_keras.tasks.predictions import Shown, prediction_columns

if TYPE_CHECKING:
    import pandas

    from mtc_keras.data.inputs import BadRow, Inputs
    from mtc_keras.model.explanation import Explanation

OwnRows = Union["pandas.DataFrame", Iterable[str | Sequence[str] | Mapping[str, Any]]]


@dataclass(frozen=True, eq=False)
class Predictions:
    """N rows and what is predicted of them.

    Args:
        columns: dict from column to N plain values: the rows' own columns, and after them
            `predicted_TASK` and the others of `mtc_keras.tasks.predictions`.
        probabilities: dict from task to float32 of shape `(N, classes)`, or `(N,)` for regression.
        bad_rows: place and reason of each row that was left out, its text being missing or none.
        explanations: for each row a dict from task to its `Explanation`, if it was asked for.
    """

    columns: Mapping[str, list[Any]]
    probabilities: Mapping[str, np.ndarray]
    bad_rows: tuple["BadRow", ...] = ()
    explanations: tuple[Mapping[str, "Explanation"], ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.probabilities.values())))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yields a dict per row, from column to value."""
        for cells in zip(*self.columns.values(), strict=True):
            yield dict(zip(self.columns, cells, strict=True))


def predict_rows(
    model: AnyModel,
    rows: OwnRows,
    *,
    columns: str | Sequence[str] = ("labels", "probabilities"),
    abstain_below: float | None = None,
    reading: Mapping[str, Any] | None = None,
    explain_window: bool = False,
) -> Predictions:
    """Predicts rows in memory.

    Args:
        model: the path of a run or of an export's folder, a `Run`, or a `MultiTaskClassifier`.
        rows: texts, tuples of texts for text pairs, dicts, or a DataFrame. Dicts and DataFrames
            have the text columns of the run's config (`text` for a loaded model), and may have
            others.
        columns: one or several of `"labels"`, `"confidence"` and `"probabilities"`.
        abstain_below: optional float in [0, 1]. Labels that are right with a lower probability
            are `None`.
        reading: keys of `[data]` in place of the model's, such as `{"text": "comment"}`.
        explain_window: bool. Whether `TASK_window` names the window that decided, as `classify`
            does; of a run or a model that reads windows.

    Returns:
        The `Predictions`, in the order of the rows. A row whose text is missing is left out and
        listed in `bad_rows`.

    Raises:
        ConfigError: if a column is unknown, `abstain_below` is no probability, or windows are
            asked of what reads none.
        DataError: if there is no such model, there are no rows, or they have no text column.

    Example:

    ```python
    found = mtc_keras.predict_rows("runs/quickstart", ["The clerk was kind.", "I waited hours."])
    found.columns["predicted_emotions"]  # a list of labels per row
    ```
    """
    named = (columns,) if isinstance(columns, str) else tuple(columns)
    shown = Shown(named, abstain_below, explain_window=explain_window)
    return predict_own(open_predictor(model, reading=reading), rows, shown)


def predict_own(predictor: Predictor, rows: OwnRows, shown: Shown) -> Predictions:
    """Predicts rows in memory as `predict_rows` does; loads the predictor when they are read."""
    texts = predictor.data.text_columns

    from mtc_keras.data.formats.faults import PassedOver
    from mtc_keras.data.inputs import inputs_of, lacking_texts
    from mtc_keras.data.sources import own_blocks

    blocks = own_blocks(_with_columns(rows, texts), "rows")
    read = list(inputs_of(blocks, predictor.data, PassedOver("rows")))
    known = list(dict.fromkeys(name for inputs, _ in read for name in inputs.columns))
    called = list(dict.fromkeys(name for inputs, _ in read for name in inputs.names))
    if problems := lacking_texts("rows", called, predictor.data):
        raise DataError(problems[0], problems[1:])
    predictor.load()
    parts = [predict_inputs(predictor, inputs, shown) for inputs, _ in read]
    names = dict.fromkeys(name for part in parts for name in part.columns)
    # The columns of dicts may differ; those of the predictions come last.
    names = dict.fromkeys([*known, *names])
    return Predictions(
        {name: [c for part in parts for c in _cells(part, name)] for name in names},
        {
            task.name: np.concatenate([part.probabilities[task.name] for part in parts])
            for task in predictor.tasks
        },
        tuple(bad for _, found in read for bad in found),
        tuple(found for part in parts for found in part.explanations),
    )


def predict_inputs(predictor: Predictor, inputs: "Inputs", shown: Shown) -> Predictions:
    """Predicts rows that are read, with a loaded model.

    Raises:
        DataError: if the rows have a column that predictions are called.
    """
    windows: list[Mapping[str, Any]] = []
    if len(inputs) and shown.explain_window:
        probabilities, windows = predictor.deciding_windows(inputs.texts)
    elif len(inputs):
        probabilities = predictor.predict(inputs.texts)
    else:
        probabilities = {
            task.name: np.zeros((0, len(task.shown_classes)) if task.has_probabilities else 0)
            for task in predictor.tasks
        }
    predicted = prediction_columns(predictor.tasks, probabilities, predictor.decisions, shown)
    if shown.explain_window:
        for task in predictor.tasks:
            predicted[f"{task.name}_window"] = [found[task.name] for found in windows]
    explanations: list[dict[str, Explanation]] = []
    if shown.explain is not None:
        explanations = predictor.explain(inputs.texts, shown.explain) if len(inputs) else []
        for name in shown.explain:
            cells = [_plain(found[name], shown.decimals) for found in explanations]
            predicted[f"{name}_explanation"] = cells
    for name in predicted:
        if name in inputs.columns:
            raise DataError(
                f"rows: column {name!r} has the name of a column of predictions; rename it"
            )
    columns = {**inputs.columns, **predicted}
    return Predictions(columns, probabilities, explanations=tuple(explanations))


def _plain(explanation: "Explanation", decimals: int | None) -> dict[str, Any]:
    """Returns an explanation without what its row has in other columns."""
    plain = explanation.to_dict(decimals)
    return {name: value for name, value in plain.items() if name not in ("text", "task")}


def _with_columns(rows: OwnRows, texts: Sequence[str]) -> Any:
    """Returns rows as a DataFrame or dicts, texts being those of the text columns."""
    if isinstance(rows, str):
        raise DataError("rows: expected texts, dicts or a DataFrame, received a single text")
    if hasattr(rows, "columns"):
        return rows
    rows = list(rows)
    if any(isinstance(row, Mapping) for row in rows):
        return rows
    found = []
    for number, row in enumerate(rows):
        cells = list(row) if isinstance(row, (list, tuple)) else [row]
        if len(cells) != len(texts):
            raise DataError(f"rows row {number}: needs {len(texts)} of {texts}, has {len(cells)}")
        found.append(dict(zip(texts, cells, strict=True)))
    return found


def _cells(part: Predictions, name: str) -> list[Any]:
    return part.columns.get(name) or [None] * len(part)
