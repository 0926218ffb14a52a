"""Metrics of one task on whole arrays, by scikit-learn."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

AVERAGES = ("micro", "macro")
PER_CLASS = ("precision", "recall", "f1")


def classification_metrics(
    truth: np.ndarray, predicted: np.ndarray, classes: Sequence[str]
) -> dict[str, Any]:
    """Returns the metrics of predictions among C classes; undefined ratios are 0.

    Args:
        truth: bool of shape `(N, C)`, the classes a row carries.
        predicted: bool of shape `(N, C)`.
        classes: the C class names.

    Returns:
        `accuracy` (rows that match exactly), `precision`, `recall` and `f1` each
        `_micro` and `_macro` over all classes, and `classes`: for each class its
        `precision`, `recall`, `f1` and `support`.
    """
    from sklearn.metrics import precision_recall_fscore_support

    found: dict[str, Any] = {"accuracy": float((truth == predicted).all(axis=1).mean())}
    by_average = {
        average: precision_recall_fscore_support(
            truth, predicted, average=average, zero_division=0.0
        )
        for average in AVERAGES
    }
    for position, metric in enumerate(PER_CLASS):
        for average in AVERAGES:
            found[f"{metric}_{average}"] = float(by_average[average][position])
    columns = precision_recall_fscore_support(truth, predicted, average=None, zero_division=0.0)
    found["classes"] = {
        name: {
            **{metric: float(columns[i][index]) for i, metric in enumerate(PER_CLASS)},
            "support": int(columns[3][index]),
        }
        for index, name in enumerate(classes)
    }
    return found


def regression_metrics(targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    """Returns `mae`, `rmse` and `r2` of predicted numbers.

    Args:
        targets: float of shape `(N,)`, finite.
        predictions: float of shape `(N,)`.

    Returns:
        The three floats. R² compares with the mean of the targets: it is NaN where
        they do not vary. All are NaN if a prediction is not finite, as after a training
        that diverged.
    """
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    if not np.isfinite(predictions).all():
        return dict.fromkeys(("mae", "rmse", "r2"), math.nan)
    # Squares of large float32 numbers overflow, and their sums lose digits.
    targets, predictions = targets.astype("float64"), predictions.astype("float64")
    varies = len(np.unique(targets)) > 1
    return {
        "mae": float(mean_absolute_error(targets, predictions)),
        "rmse": float(root_mean_squared_error(targets, predictions)),
        "r2": float(r2_score(targets, predictions)) if varies else math.nan,
    }
