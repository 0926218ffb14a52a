"""How well planted label errors are found, beside cleanlab's ranking of the same probabilities.

    python -m benchmarks.label_errors --config configs/goemotions.toml

Rows are drawn from all splits of the config, and wrong labels are put among those that it has:

- `each`: per task, in 5 % of its labelled rows. One class is replaced by another, drawn by the
  classes' frequencies. In a multilabel task, with equal chances, a class is replaced by another,
  one is dropped, or another one is added; a row without a class gets one. A number is replaced by
  that of another row.
- `row`: 5 % of the rows get all labels of another row, so that no task contradicts another.

Then the labels are judged as `mtc-keras check --label-errors` judges them. Average precision counts
every label that was not planted as right, though some of them are wrong as well, so that 1 is out
of reach. Shown beside it: cleanlab's ranking (self-confidence; of several labels the exponential
moving average) of the same probabilities and of those by the text alone, and the precision among
as many rows as were planted.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from benchmarks.planting import plant
from mtc_keras.check.checked import Checked
from mtc_keras.check.label_errors.finding import LabelErrors, judge_data
from mtc_keras.config import load_config
from mtc_keras.data.reading import read_splits
from mtc_keras.files import readable_json, write_whole
from mtc_keras.programs.command import run_program
from mtc_keras.scoring.label_quality import label_quality
from mtc_keras.tasks import Task

MOST_SECONDS = 90.0
WIDTH = 110


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--config", metavar="FILE", required=True)
    add("--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides")
    add("--rows", metavar="N", type=int, default=10_000, help="that are judged")
    add("--share", type=float, default=0.05, help="of the labels that are made wrong")
    add("--schemes", nargs="+", choices=["each", "row"], default=["each", "row"])
    add("--json", metavar="FILE", default="runs/label_errors.json", help="where the numbers go")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return run_program(measure, parse(argv))


def measure(args: argparse.Namespace) -> None:
    """Plants errors, looks for them, prints the tables and writes the JSON."""
    found: dict[str, Any] = {"machine": machine(), "arguments": vars(args), "schemes": {}}
    console = Console(width=WIDTH, highlight=False)
    console.print(found["machine"]["shown"])
    for scheme in args.schemes:
        result = measure_scheme(args, scheme)
        found["schemes"][scheme] = result
        console.print(_table(scheme, result))
    for bar in bars(found["schemes"]):
        met = "met" if bar["met"] else "missed"
        console.print(f"{bar['what']}: {bar['measured']:.3f}, needed {bar['bar']}: {met}")
    path = Path(args.json)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, readable_json(found))


def measure_scheme(args: argparse.Namespace, scheme: str) -> dict[str, Any]:
    """Returns the seconds, and for each task how well its planted errors were found."""
    config = load_config(args.config, args.overrides)
    started = time.perf_counter()
    dataset = read_splits(config)
    reading = time.perf_counter() - started
    random = np.random.default_rng(config.seed)
    planted: dict[tuple[str, str], set[str]] = {}
    splits = {}
    for name, rows in Checked(config, dataset).splits.items():
        targets, wrong = plant(dataset.tasks, rows.targets, args.share, scheme, random)
        splits[name] = replace(rows, targets=targets)
        for task, mask in wrong.items():
            planted[name, task] = {rows.where[row] for row in np.flatnonzero(mask)}
    started = time.perf_counter()
    found = judge_data(Checked(config, replace(dataset, **splits)), args.rows)
    return {
        "rows": len(found.sample),
        "seconds": {"reading": reading, "judging": time.perf_counter() - started},
        "tasks": {
            task.name: _judge(found, task, _mask(found, planted, task.name)) for task in found.tasks
        },
    }


def _mask(found: LabelErrors, planted: Mapping[tuple[str, str], set[str]], task: str) -> np.ndarray:
    places = zip(found.sample.splits, found.sample.where, strict=True)
    return np.array([place in planted[split, task] for split, place in places])


def _judge(found: LabelErrors, task: Task, wrong: np.ndarray) -> dict[str, float]:
    """Returns how well the planted errors of one task were ranked."""
    judged, targets = found.judged[task.name], found.sample.targets[task.name]
    order = judged.quality.order
    by_text = label_quality(task, targets, judged.by_text)
    suspect = judged.quality.suspect
    rankings = {
        "ours": judged.quality.quality,
        "ours_by_text": by_text.quality,
        "cleanlab": cleanlab_quality(task, targets, judged.probabilities),
        "cleanlab_by_text": cleanlab_quality(task, targets, judged.by_text),
    }
    return {
        **{name: average_precision(wrong, quality) for name, quality in rankings.items()},
        "precision_at_planted": float(wrong[order[: int(wrong.sum())]].mean()),
        "planted": int(wrong.sum()),
        "suspects": int(suspect.sum()),
        "planted_among_suspects": int((wrong & suspect).sum()),
    }


def average_precision(wrong: np.ndarray, quality: np.ndarray) -> float:
    """Returns the average precision of low qualities, over the rows that have one."""
    from sklearn.metrics import average_precision_score

    rows = ~np.isnan(quality)
    return float(average_precision_score(wrong[rows], -quality[rows]))


def cleanlab_quality(task: Task, targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Returns cleanlab's label quality, NaN where a label or a cell is missing."""
    from cleanlab.multilabel_classification.rank import get_label_quality_scores as of_sets
    from cleanlab.rank import get_label_quality_scores as of_classes
    from cleanlab.regression.rank import get_label_quality_scores as of_numbers

    hard, quality = task.hard(targets), np.full(len(targets), np.nan)
    if not task.has_classes:
        rows = task.labelled(targets)
        quality[rows] = of_numbers(targets[rows], probabilities[rows], method="residual")
    elif hard.ndim == 2:
        rows = task.known_cells(targets).all(axis=1)
        quality[rows] = of_sets(
            [np.flatnonzero(row).tolist() for row in hard[rows]], probabilities[rows]
        )
    else:
        rows = task.labelled(targets)
        quality[rows] = of_classes(hard[rows], probabilities[rows])
    return quality


def bars(schemes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns what was to be reached and was measured."""
    found = []
    for scheme, result in schemes.items():
        for name, task in result["tasks"].items():
            found.append(
                {
                    "what": f"{scheme}, {name}: average precision over cleanlab's",
                    "measured": task["ours"] / task["cleanlab"],
                    "bar": "≥ 1",
                    "met": task["ours"] >= task["cleanlab"],
                }
            )
        seconds = result["seconds"]["judging"]
        what = f"{scheme}: seconds for {result['rows']:,} rows"
        met = seconds < MOST_SECONDS
        found.append({"what": what, "measured": seconds, "bar": f"< {MOST_SECONDS:g}", "met": met})
    return found


def _table(scheme: str, result: Mapping[str, Any]) -> Table:
    columns = {
        "ours": "average precision",
        "cleanlab": "cleanlab",
        "ours_by_text": "by text alone",
        "cleanlab_by_text": "cleanlab, by text",
        "precision_at_planted": "precision at planted",
    }
    seconds = result["seconds"]["judging"]
    table = Table(title=f"{scheme}: {result['rows']:,} rows in {seconds:.0f} s")
    for title in ("task", "planted", *columns.values(), "suspects", "of them planted"):
        table.add_column(title, justify="left" if title == "task" else "right")
    for name, task in result["tasks"].items():
        table.add_row(
            name,
            f"{task['planted']:,}",
            *(f"{task[key]:.3f}" for key in columns),
            f"{task['suspects']:,}",
            f"{task['planted_among_suspects']:,}",
        )
    return table


if __name__ == "__main__":
    raise SystemExit(main())
