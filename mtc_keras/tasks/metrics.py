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


def ordinal_metrics(
    targets: np.ndarray, predictions: np.ndarray, num_classes: int
) -> dict[str, float]:
    """Returns `mae` in classes and `quadratic_weighted_kappa` of predicted ordered classes.

    Args:
        targets: int of shape `(N,)`, class indices.
        predictions: int of shape `(N,)`.
        num_classes: int. K.

    Returns:
        The two floats. Kappa (Cohen 1968) is NaN where all targets and predictions are one
        class, as there is no chance agreement to compare with.
    """
    from sklearn.metrics import cohen_kappa_score

    kappa = math.nan
    if len(np.union1d(targets, predictions)) > 1:
        labels = np.arange(num_classes)
        kappa = cohen_kappa_score(targets, predictions, labels=labels, weights="quadratic")
    return {
        "mae": float(np.abs(targets.astype("int64") - predictions).mean()),
        "quadratic_weighted_kappa": float(kappa),
    }


def ranking_metrics(
    truth: np.ndarray, known: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]
) -> dict[str, Any]:
    """Returns how well probabilities rank rows for each class, whatever the threshold.

    Args:
        truth: bool of shape `(N, C)`, the classes a row carries.
        known: bool of shape `(N, C)`, of which classes that is known.
        probabilities: float of shape `(N, C)`.
        classes: the C class names.

    Returns:
        `average_precision_macro` and `roc_auc_macro`, means over the classes for which
        they are defined, and `classes`: for each class its `average_precision` and
        `roc_auc`, NaN where its known rows are all positive or all negative.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    found: dict[str, dict[str, float]] = {}
    for index, name in enumerate(classes):
        rows = known[:, index]
        positive, stated = truth[rows, index], probabilities[rows, index]
        both = positive.any() and not positive.all() and np.isfinite(stated).all()
        found[name] = {
            "average_precision": float(average_precision_score(positive, stated))
            if both
            else math.nan,
            "roc_auc": float(roc_auc_score(positive, stated)) if both else math.nan,
        }
    means = {}
    for metric in ("average_precision", "roc_auc"):
        values = [c[metric] for c in found.values() if not math.isnan(c[metric])]
        means[f"{metric}_macro"] = float(np.mean(values)) if values else math.nan
    return {**means, "classes": found}


def calibration_error(stated: np.ndarray, came_true: np.ndarray, bins: int = 15) -> float:
    """Returns the expected calibration error.

    Naeini et al. 2015; Guo et al. 2017 (arXiv 1706.04599), equation 3: over bins of equal
    width, `Σ_b |B_b| / n · |share that came true - mean stated probability|`.

    Args:
        stated: float of shape `(M,)`, probabilities.
        came_true: bool of shape `(M,)`.
        bins: int. Number of bins.

    Returns:
        float in [0, 1]; NaN if a probability is none, as after a training that diverged.
    """
    if not np.isfinite(stated).all():
        return math.nan
    stated = stated.astype("float64")
    # The bin of each probability; 1.0 falls into the last one.
    which = np.minimum((stated * bins).astype(int), bins - 1)
    # Σ (stated - true) over a bin, n times its term of the sum above: |B_b| cancels.
    gaps = np.bincount(which, weights=stated - came_true, minlength=bins)
    return float(np.abs(gaps).sum() / max(len(stated), 1))


COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)


def risk_coverage(confidence: np.ndarray, right: np.ndarray) -> list[dict[str, float]]:
    """Returns which share of rows may be decided automatically at which error.

    El-Yaniv & Wiener 2010: the surest rows are decided, the others left to people.

    Args:
        confidence: float of shape `(N,)`.
        right: bool of shape `(N,)`, whether the decision is right.

    Returns:
        For each of `COVERAGES` the `coverage` reached (rows of equal confidence are
        decided together, so it may be more), the lowest `confidence` among the rows
        decided, and the `error`, the share of them decided wrongly.
    """
    order = np.argsort(-confidence, kind="stable")  # the surest first
    sure, wrong = confidence[order], np.cumsum(~right[order])
    table = []
    for share in COVERAGES:
        at = max(math.ceil(share * len(sure)), 1)
        least = sure[at - 1]
        # Rows as sure as the last one count, too; minus, as `searchsorted` needs ascending values.
        count = int(np.searchsorted(-sure, -least, side="right"))
        table.append(
            {
                "coverage": count / len(sure),
                "confidence": float(least),
                "error": float(wrong[count - 1] / count),
            }
        )
    return table
