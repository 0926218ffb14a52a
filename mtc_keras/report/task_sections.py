"""A section per task: what it gets right and wrong, and how far to trust its probabilities."""

from collections.abc import Iterator, Mapping
from typing import Any

from mtc_keras.pages import Block, Details, Facts, Figure, Grid, Paragraph, Part, Section
from mtc_keras.report.account import Account
from mtc_keras.report.class_table import class_table
from mtc_keras.report.confusion import confusion
from mtc_keras.report.distances import distances
from mtc_keras.report.known import Known, known_of
from mtc_keras.report.piece import Piece, together
from mtc_keras.report.ranking import ranking
from mtc_keras.report.trust import coverage_figure, trust
from mtc_keras.report.wording import metric_name, shown
from mtc_keras.tasks import Task

FEW_TASKS = 4  # whose figures all stand open


def task_sections(account: Account) -> Iterator[Part]:
    """Yields a section per drawn task that has a label in the split that is shown."""
    for task in account.drawn_tasks:
        scores = account.scores(task)
        if scores is not None:
            yield _section(account, task, scores)


def _section(account: Account, task: Task, scores: Mapping[str, Any]) -> Part:
    known = None if account.shown is None else known_of(account.shown, task)
    decision = account.decisions.get(task.name)
    table = class_table(task, scores, decision, known)
    found = _kept(scores) if known is None else _analysed(known)
    blocks: list[Block] = [Facts(_facts(account, task, scores, found.values)), *table.blocks]
    if known is not None and not known.is_finite:
        blocks.append(
            Paragraph("The model's answers are no numbers, as after a training that diverged.")
        )
    if found.blocks and len(account.tasks) > FEW_TASKS:
        blocks.append(Details(f"Figures of {task.name}", _side_by_side(found)))
    else:
        blocks += _side_by_side(found)
    metrics = {name: scores.get(name) for name in ("loss", *task.metric_names)}
    values = {
        "split": account.split,
        "kind": task.kind,
        "rows": scores["rows"],
        "metrics": metrics,
        **table.values,
        **found.values,
    }
    tables = {
        f"{task.name}_{name}": rows for name, rows in {**table.tables, **found.tables}.items()
    }
    return Part(Section(f"Task {task.name}", blocks, f"task-{task.name}"), values, tables)


def _analysed(known: Known) -> Piece:
    return together(make(known) for make in (confusion, ranking, trust, distances))


def _kept(scores: Mapping[str, Any]) -> Piece:
    """Returns what the metrics tell by themselves, of a run that kept no predictions."""
    rows = scores.get("risk_coverage") or []
    calibration = scores.get("calibration") or {}
    errors = {m: own.get("expected_calibration_error") for m, own in calibration.items()}
    values = {"expected_calibration_error": errors} if errors else {}
    if not rows or any(row["error"] is None for row in rows):
        return Piece((), values)
    return Piece([coverage_figure(rows)], values, {"risk_coverage": rows})


def _side_by_side(piece: Piece) -> list[Block]:
    """Returns figures beside one another, and whatever else under them."""
    figures = [block for block in piece.blocks if isinstance(block, Figure)]
    others = [block for block in piece.blocks if not isinstance(block, Figure)]
    return [*([Grid(figures)] if figures else []), *others]


def _facts(
    account: Account, task: Task, scores: Mapping[str, Any], values: Mapping[str, Any]
) -> list[tuple[str, str]]:
    rows, all_rows = scores["rows"], None if account.shown is None else len(account.shown)
    without = "" if all_rows in (None, rows) else f"; {all_rows - rows:,} without do not count"
    facts = [("kind", task.summary), (f"labelled {account.split} rows", f"{rows:,}{without}")]
    main = task.main_metric
    for metric in dict.fromkeys((main, *task.shown_metrics)):
        constant = (account.baseline(task) or {}).get(metric)
        against = "" if constant is None else f" (constant: {shown(constant)})"
        facts.append((metric_name(metric), f"{shown(scores.get(metric))}{against}"))
    decision = account.decisions.get(task.name)
    if decision is not None:
        facts.append(("temperature", f"{decision.temperature:.3g}"))
    errors = values.get("expected_calibration_error")
    if errors:
        before, after = shown(errors.get("before")), shown(errors.get("after"))
        facts.append(("calibration error", f"{before} before, {after} after"))
    if "aurc" in values:
        facts.append(("area under risk–coverage", shown(values["aurc"])))
    return facts
