"""The numbers of a comparison of two runs, as rows of tables: tasks, rows, classes, slices."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from mtc_keras.report.comparing.against import Against
from mtc_keras.report.comparing.differences import class_differences, difference, scores
from mtc_keras.report.slice_scores import (
    ERROR,
    FEWEST_LABELLED,
    judged_slices,
    metric_of_slices,
    slice_metric,
)

MOST_WRITTEN = 1000  # rows of a task and side in the CSV file
SLICE_RESAMPLES = 500


def task_values(found: Against, name: str) -> dict[str, Any]:
    pair = found.pairs[name]
    first, second = scores(pair.metrics)
    values = {
        "metric": pair.task.main_metric,
        "rows": len(pair.second[0]),
        "is_paired": pair.is_paired,
        "a": first,
        "b": second,
        **asdict(found.differences[name]),
    }
    if name in found.disagreements:
        one = found.disagreements[name]
        values |= {"only_a": len(one.first), "only_b": len(one.second), "p": one.p}
    return values


def differing_rows(found: Against) -> list[dict[str, Any]]:
    """Returns the rows that one run alone gets right, with what each predicts."""
    rows = []
    for name, one in found.disagreements.items():
        pair = found.pairs[name]
        for side, positions in zip(found.names, (one.first, one.second), strict=True):
            for position in positions[:MOST_WRITTEN]:
                rows.append(
                    {
                        "task": name,
                        "right": side,
                        "row": found.judged[0].where[pair.rows[0][position]],
                        "true": pair.task.label(
                            pair.task.hard(pair.first[0][position : position + 1])[0]
                        ),
                        "a": pair.task.label(pair.first[1][position]),
                        "b": pair.task.label(pair.second[1][position]),
                    }
                )
    return rows


def differing_classes(found: Against) -> list[dict[str, Any]]:
    rows = [
        {
            "task": name,
            "class": one.name,
            "labels": one.support[0],
            "f1_a": one.f1[0],
            "f1_b": one.f1[1],
            "difference": one.f1[1] - one.f1[0],
        }
        for name, pair in found.pairs.items()
        for one in class_differences(pair)
    ]
    return sorted(rows, key=lambda row: -abs(row["difference"]))


def differing_slices(found: Against) -> list[dict[str, Any]]:
    """Returns the differences on slices of the rows that both have judged.

    Those that are surest to be worse of the second run come first, those surest to be better last.
    """
    slices, _ = judged_slices(found.judged[0])
    rows: list[dict[str, Any]] = []
    for name, pair in found.pairs.items():
        if not pair.is_paired:
            continue
        metric = slice_metric(pair.task)
        whole = [metric_of_slices(pair.task, *own) for own in (pair.first, pair.second)]
        for one in slices:
            inside = one.rows[pair.rows[0]]
            if inside.sum() < FEWEST_LABELLED:
                continue
            part = whole[0].take(inside), whole[1].take(inside)
            first, second = scores(part)
            seen = difference(part, SLICE_RESAMPLES, is_error=metric == ERROR)
            row: Mapping[str, Any] = {"task": name, "by": one.by, "slice": one.name}
            row = {**row, "rows": int(inside.sum()), "metric": metric, "a": first, "b": second}
            rows.append({**row, **asdict(seen)})
    return sorted(rows, key=_surely)


def _surely(row: Mapping[str, Any]) -> tuple[bool, float]:
    """Returns a difference in the unit of its interval, for the order; undefined ones are last."""
    wide = row["high"] - row["low"]
    sure = row["difference"] / wide if wide else 0.0
    return bool(np.isnan(sure)), sure
