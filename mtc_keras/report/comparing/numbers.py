"""The numbers of a comparison of two runs, as rows of tables: tasks, rows, classes, slices."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from mtc_keras.report.comparing.against import Against
from mtc_keras.report.comparing.differences import Pair, class_differences
from mtc_keras.report.slice_scores import FEWEST_LABELLED, judged_slices

MOST_WRITTEN = 1000  # rows of a task and side in the CSV file
SLICE_RESAMPLES = 500


def task_values(found: Against, name: str) -> dict[str, Any]:
    pair = found.pairs[name]
    first, second = pair.scores()
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
                        "true": pair.task.label(pair.task.hard(pair.first[0])[position]),
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
    """Returns the differences on slices of the rows that both have judged."""
    slices, _ = judged_slices(found.judged[0])
    rows: list[dict[str, Any]] = []
    for name, pair in found.pairs.items():
        if not pair.is_paired:
            continue
        for one in slices:
            inside = one.rows[pair.rows[0]]
            if inside.sum() < FEWEST_LABELLED:
                continue
            part = _part(pair, inside)
            first, second = part.scores()
            difference = asdict(part.difference(SLICE_RESAMPLES))
            row: Mapping[str, Any] = {"task": name, "by": one.by, "slice": one.name}
            rows.append({**row, "rows": int(inside.sum()), "a": first, "b": second, **difference})
    return sorted(rows, key=lambda row: (np.isnan(row["difference"]), row["difference"]))


def _part(pair: Pair, inside: np.ndarray) -> Pair:
    (targets_a, said_a), (targets_b, said_b) = pair.first, pair.second
    return Pair(
        task=pair.task,
        first=(targets_a[inside], said_a[inside]),
        second=(targets_b[inside], said_b[inside]),
        rows=(pair.rows[0][inside], pair.rows[1][inside]),
        is_paired=True,
    )
