"""The table of how good tasks are on slices of the rows."""

from collections.abc import Mapping
from typing import Any

from mtc_keras.console.listing import Listing, more
from mtc_keras.console.log import Log
from mtc_keras.console.scores import VERBOSE
from mtc_keras.console.tables import number

MOST = 8  # slices of a task


def show_slices(log: Log, evaluation: Mapping[str, Any], verbose: bool = False) -> None:
    """Shows each task on slices of the rows, the worst first, if they were judged by columns.

    Args:
        log: where the tables go.
        evaluation: the metrics, under `by_column` what `scores_by_column` returned.
        verbose: bool. Whether to show every slice, however many.
    """
    for name, found in evaluation.get("by_column", {}).items():
        slices = found["slices"]
        shown = slices if verbose else slices[:MOST]
        metric = found["metric"].replace("_", " ")
        overall = number(slices[0]["overall"])
        table = Listing(
            f"{name}, {metric} by column, the worst first (of all rows: {overall})",
            ["slice", "column", "rows", metric, "95 % interval"],
            note=more(len(shown), len(slices), "slice", VERBOSE),
            words=["column"],
            optional=["column"],
        )
        for one in shown:
            interval = f"{number(one['low'])}…{number(one['high'])}"
            table.add_row(
                one["slice"], one["by"], f"{one['rows']:,}", number(one["score"]), interval
            )
        log.show(table)
