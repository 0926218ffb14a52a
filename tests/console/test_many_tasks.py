"""Screens for many tasks: names whole on any screen, and short however many tasks there are."""

import io
import math
from types import SimpleNamespace

import pytest

from mtc_keras.console.listing import Listing
from mtc_keras.console.log import Log, plain_console
from mtc_keras.console.progress import Progress
from mtc_keras.console.scores import class_tables, show_details, show_scores, task_tables
from mtc_keras.console.tables import (
    class_weight_tables,
    coverage_table,
    decision_tables,
    epoch_table,
    loss_weight_table,
)
from mtc_keras.tasks import Multiclass, Multilabel, Regression
from mtc_keras.tasks.metrics import COVERAGES

CLASSES = [f"class {number}" for number in range(60)]
WIDTHS = [60, 80, 110]


def make_tasks(count: int) -> list[Multilabel]:
    return [Multilabel(name=f"label_of_message_{n}", classes=CLASSES) for n in range(count)]


def lines(shown, width: int) -> list[str]:
    console = plain_console(file=io.StringIO(), width=width)
    console.print(shown)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def log_of(width: int) -> Log:
    log = Log()
    log.screen = plain_console(file=io.StringIO(), width=width)
    return log


def written(log: Log) -> list[str]:
    return [line.rstrip() for line in log.screen.file.getvalue().splitlines()]


def names_in(shown: list[str]) -> list[str]:
    """Returns the tasks of the rows, in the order in which they are shown."""
    firsts = [line.split(" ")[0] for line in shown]
    return [first for first in firsts if first.startswith("label_of_message_")]


def evaluation(tasks, f1=lambda number: number / 1000):
    """Metrics of tasks, of which each is better than the one before."""
    found = {}
    for number, task in enumerate(tasks):
        classes = {
            name: {
                "precision": 0.5,
                "recall": 0.5,
                "f1": 0.5,
                "average_precision": 0.5,
                "roc_auc": 0.5,
                "support": at,
            }
            for at, name in enumerate(CLASSES)
        }
        found[task.name] = {
            "rows": 1000,
            "loss": 1.0,
            "accuracy": 0.5,
            "f1_micro": f1(number),
            "f1_macro": 0.25,
            "average_precision_macro": 0.5,
            "classes": classes,
            "undecided": {"f1_micro": 0.5, "f1_macro": 0.25},
            "calibration": {
                moment: {
                    "log_loss": 0.5,
                    "expected_calibration_error": number / 1000,
                    "brier_score": 0.5,
                }
                for moment in ("before", "after")
            },
            "risk_coverage": [
                {"coverage": share, "error": share * number / 1000, "confidence": 1 - share}
                for share in COVERAGES
            ],
        }
    return {"tasks": found, "overall": {}, "score": 0.5}


class Split:
    """Rows of which each task has one more labelled than the task before."""

    def __init__(self, name: str, count: int) -> None:
        self.name, self.count = name, count

    def __len__(self) -> int:
        return self.count

    def coverage(self, tasks):
        return {task.name: number for number, task in enumerate(tasks)}


def tables(count: int) -> dict[str, list[Listing]]:
    """Every table of a training with so many tasks."""
    tasks = make_tasks(count)
    found = evaluation(tasks)
    epochs = {
        task.name: {
            "metric": "f1_micro",
            "kept": 0.5,
            "best": 0.6,
            "best_epoch": 3,
            "cost": number / 1000,
        }
        for number, task in enumerate(tasks)
    }
    weights = {
        task.name: {"rule": "prior", "loss": 0.5, "weight": float(number)}
        for number, task in enumerate(tasks)
    }
    decisions = {
        task.name: task.decision(temperature=1 + number / 1000) for number, task in enumerate(tasks)
    }
    splits = [Split("train", 123456), Split("validation", 1000), Split("test", 1000)]
    shown: list = []
    details = SimpleNamespace(show=shown.append)
    show_details(details, tasks, found)
    return {
        "scores": list(task_tables(tasks, found, found, "test")),
        "details": shown,
        "coverage": [coverage_table(splits, tasks)],
        "loss weights": [loss_weight_table(weights)],
        "epochs": [epoch_table(epochs, 4)],
        "decisions": list(decision_tables(tasks, decisions)),
    }


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("count", [1, 3, 12])
def test_each_task_has_a_row_with_its_whole_name_and_no_line_is_too_long(count, width):
    for title, members in tables(count).items():
        for table in members:
            shown = lines(table, width)
            assert names_in(shown) == [task.name for task in make_tasks(count)], title
            assert max(map(len, shown)) <= width, title
            assert len(shown) <= 2 * count + 6, title
            assert "…" not in "".join(shown).replace("0.500 … 0.500", ""), title


@pytest.mark.parametrize("width", WIDTHS)
def test_of_many_tasks_a_table_shows_ten_and_counts_the_others(width):
    worst = [task.name for task in make_tasks(100)]
    for title, members in tables(100).items():
        for table in members:
            shown = lines(table, width)
            lowest_first = title in ("scores", "coverage")
            expected = worst[:10] if lowest_first else worst[:-11:-1]
            assert names_in(shown) == expected, title
            note = "… and 90 more tasks; "
            assert any(line.startswith(note) for line in shown[-2:]), title
            assert len(shown) <= 28, title


def test_all_tasks_are_shown_if_asked():
    tasks = make_tasks(100)
    found = evaluation(tasks)
    log = log_of(110)
    show_scores(log, "test", tasks, found, found, verbose=True)
    shown = written(log)
    assert names_in(shown[: shown.index("label_of_message_0 by class")]) == list(found["tasks"])
    log = log_of(110)
    show_details(log, tasks, found, verbose=True)
    assert names_in(written(log)) == [*found["tasks"], *found["tasks"]]


def test_tasks_without_a_score_come_after_the_worst():
    tasks = make_tasks(21)
    found = evaluation(tasks, lambda number: math.nan if number == 0 else number / 1000)
    found["tasks"][tasks[1].name] = None
    (table,) = task_tables(tasks, found, evaluation(tasks), "test")
    assert names_in(lines(table, 110)) == [task.name for task in tasks[2:12]]


def test_the_worst_of_an_error_are_the_greatest():
    tasks = [Regression(name=f"number_{n}") for n in range(21)]
    values = {
        task.name: {"rows": 5, "loss": 1.0, "mae": float(n), "rmse": 1.0, "r2": 1 - n / 10}
        for n, task in enumerate(tasks)
    }
    found = {"tasks": values, "overall": {}, "score": 0.5}
    (table,) = task_tables(tasks, found, found, "test")
    shown = [line.split(" ")[0] for line in lines(table, 110) if line.startswith("number_")]
    assert shown == [f"number_{n}" for n in range(20, 10, -1)]


def test_a_name_that_does_not_fit_is_folded_and_whole():
    name = "a_task_whose_name_is_much_longer_than_half_a_screen"
    table = Listing("", ["task", "f1 micro", "f1 macro"], optional=["f1 macro"])
    table.add_row(name, "0.5000 (0.2500)", "0.7500 (0.1250)")
    shown = lines(table, 40)
    assert max(map(len, shown)) <= 40
    assert "".join(line.split(" ")[0] for line in shown[3:]) == name
    assert shown[3].endswith("0.5000    0.7500") and shown[4].endswith("(0.2500)  (0.1250)")


def test_columns_are_left_out_before_names_get_too_narrow():
    table = Listing("", ["class", "f1", "roc auc"], optional=["roc auc"])
    table.add_row("[/x] of a rather long name", "0.5", "0.25")
    assert [line.split()[0] for line in lines(table, 34)[1:3]] == ["roc", "class"]
    assert lines(table, 26)[1].split() == ["class", "f1"]
    assert lines(table, 26)[3].startswith("[/x] of a rather")


def test_rows_and_labels_have_a_column_per_split():
    tasks = [Multiclass(name="mood", classes=["a", "b"]), Regression(name="stars")]
    table = coverage_table([Split("train", 10), Split("test", 4)], tasks)
    assert [line.split("  ") for line in lines(table, 80)][1] == ["rows and labels"]
    rows = [[cell.strip() for cell in row] for row in table.rows]
    assert table.columns == ["task", "kind", "train", "test"]
    assert rows == [
        ["(all rows)", "", "10", "4"],
        ["mood", "multiclass, 2 classes", "0 (0%)", "0 (0%)"],
        ["stars", "regression", "1 (10%)", "1 (25%)"],
    ]


def test_risk_and_coverage_have_a_row_per_task():
    tasks = make_tasks(2)
    log = log_of(110)
    show_details(log, tasks, evaluation(tasks))
    shown = written(log)
    at = next(number for number, line in enumerate(shown) if line.startswith("risk–coverage"))
    assert shown[at + 1].split() == ["task", "100%", "95%", "90%", "80%", "50%"]
    assert shown[at + 4].split()[:3] == ["label_of_message_1", "0.001", "(0.000)"]


def test_classes_stand_by_support_and_are_capped():
    (table,) = class_tables(make_tasks(1), evaluation(make_tasks(1)))
    assert [row[0] for row in table.rows] == [f"class {n}" for n in range(59, 9, -1)]
    assert table.note == "… and 10 more classes; none has more than 10 rows"


def test_class_weights_of_many_classes_and_tasks_are_capped():
    tasks = [
        Multilabel(
            name=f"task_{n}",
            classes=CLASSES,
            class_weights={name: float(at) for at, name in enumerate(CLASSES)},
        )
        for n in range(12)
    ]
    *shown, last = class_weight_tables(tasks)
    assert len(shown) == 10
    assert [row[0] for row in shown[0].rows] == [f"class {n}" for n in range(59, 39, -1)]
    assert shown[0].note == "… and 40 more classes; class_weights.json has all"
    assert last == "… and 2 more tasks with class weights; class_weights.json has all"


def test_an_epochs_line_names_the_greatest_losses_of_many_tasks():
    log = log_of(80)
    losses = ["loss", *(f"task_{n}_loss" for n in range(100))]
    progress = Progress(log, "epoch 1/3", steps=43, rows_per_step=32, losses=losses)
    progress.close({"loss": 7.25} | {name: float(n) for n, name in enumerate(losses[1:])})
    (line,) = written(log)
    assert line.endswith("loss 7.250 (task_99 99.000, task_98 98.000, task_97 97.000, + 97 tasks)")


def test_a_step_that_compiles_says_so_at_once_on_a_terminal():
    log = Log()
    log.screen = plain_console(
        file=io.StringIO(), force_terminal=True, width=110, legacy_windows=False, _environ={}
    )
    with log:
        progress = Progress(log, "epoch 1/3", steps=43, rows_per_step=32, losses=["loss"])
        progress.compile(5, 3, 7)
        progress.shown = 0
        progress.step(4, {"loss": 1.0})  # one before it, told late
        progress.bar.refresh()
        shown = log.screen.file.getvalue()
        assert "compiling 3 of 7 lengths" in shown and "loss 1.000" not in shown
        progress.shown = 0
        progress.step(6, {"loss": 0.5})
        progress.bar.refresh()
        assert "loss 0.500" in log.screen.file.getvalue()[len(shown) :]
        progress.close({})


def test_without_a_terminal_the_first_step_says_that_it_compiles():
    log = log_of(110)
    progress = Progress(log, "epoch 1/3", steps=43, rows_per_step=32, losses=["loss"])
    progress.compile(0, 1, 7)
    progress.compile(4, 2, 7)
    progress.shown -= 30
    progress.compile(9, 3, 7)
    assert written(log) == [
        "epoch 1/3: step 1/43, compiling 1 of 7 lengths",
        "epoch 1/3: step 10/43, compiling 3 of 7 lengths",
    ]
