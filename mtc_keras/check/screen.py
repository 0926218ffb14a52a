"""A check as lines and tables on the screen: problems first, then what the rows hold."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mtc_keras.check.checking import Check
from mtc_keras.check.findings import SEVERITIES
from mtc_keras.check.statistics.languages import NOT_TOLD
from mtc_keras.console.listing import Listing, more, one_line, shortened
from mtc_keras.console.tables import coverage_table, number
from mtc_keras.errors import plural
from mtc_keras.pages import Problem
from mtc_keras.tasks import Task

if TYPE_CHECKING:
    from mtc_keras.console.log import Log

FEW = 10  # classes of a task, pairs, problems of a severity
PLACES = 3  # of a problem
CHARACTERS = 100  # of a text
LEAST_SHARE = 0.001  # of the texts in a language
ALL = "--verbose shows all"


def show(check: Check, log: "Log", verbose: bool = False) -> None:
    """Shows what a check found.

    Args:
        check: what it found.
        log: where it goes.
        verbose: bool. Whether to show every task, class and problem.
    """
    checked = check.checked
    for note in checked.notes:
        log.line(note)
    for line in problem_lines(check, verbose):
        log.line(line)
    for table in label_error_tables(check.values("label-errors")):
        log.show(table)
    log.show(coverage_table(list(checked.splits.values()), checked.tasks))
    classes = check.values("classes")
    with_classes = [task for task in checked.tasks if task.name in classes]
    for task in shortened(with_classes, lambda task: len(task.known_classes), verbose):
        log.show(_classes(task, classes[task.name], verbose))
    if numbers := check.values("numbers"):
        log.show(_numbers(numbers))
    log.show(_lengths(check.values("lengths")))
    for table in _together(check.values("together"), verbose):
        log.show(table)
    log.line(_languages(check.values("languages")))
    for line in _rows(check.values("samples"), verbose):
        log.line(line)
    log.line(f"\n{_counts(check)}")


def problem_lines(check: Check, verbose: bool = False) -> Iterator[str]:
    """Yields the problems for people, each with its first places and what would help."""
    yield f"\n{_counts(check)}"
    for severity in SEVERITIES:
        found = [problem for problem in check.problems if problem.severity == severity]
        shown = found if verbose else found[:FEW]
        for problem in shown:
            yield from _problem(problem)
        if left_out := more(len(shown), len(found), severity, ALL):
            yield left_out


def _counts(check: Check) -> str:
    counts = ", ".join(plural(check.count(severity), severity) for severity in SEVERITIES)
    return f"problems: {counts}"


def _problem(problem: Problem) -> Iterator[str]:
    about = f"{problem.about}: " if problem.about else ""
    yield f"\n{problem.severity}: {about}{problem.title}"
    if problem.places:
        shown = ", ".join(problem.places[:PLACES])
        yield f"  first {shown}" + (", …" if problem.count > PLACES else "")
    if problem.remedy:
        yield f"  → {problem.remedy}"


def label_error_tables(values: Mapping[str, Any]) -> Iterator[Listing]:
    """Yields for each task the labels that are most likely wrong, without texts."""
    for name, found in values.get("tasks", {}).items():
        if found["first"]:
            table = Listing(
                f"{name}: {found['likely_wrong']:,} of {plural(found['labels'], 'label')} look "
                "wrong, the likeliest first",
                ["place", "given", "looks like", "probability", "because of"],
            )
            table.words.update(["place", "given", "looks like", "because of"])
            for row in found["first"]:
                probability = row["probability"]
                cell = "" if probability is None else f"{probability:.3f}"
                table.add_row(
                    row["place"], row["given"], row["looks_like"], cell, row["because_of"]
                )
            yield table


def _classes(task: Task, values: Mapping[str, Any], verbose: bool) -> Listing:
    counts, known = values["counts"], values["known"]
    order = list(range(len(task.shown_classes)))
    if not task.has_order:
        order.sort(key=lambda label: -counts["train"][label])
    # The rarest are those to look at.
    shown = order if verbose or len(order) <= 2 * FEW else [*order[:FEW], *order[-FEW:]]
    per_row = values.get("classes_per_row", {}).get("train", {}).get("mean")
    table = Listing(
        f"{task.name}: {task.summary}"
        + (f", {per_row:.2f} per training row" if per_row is not None else ""),
        ["class", *counts],
        note=more(len(shown), len(order), "class", f"they stand between these; {ALL}"),
    )
    for label in shown:
        cells = [
            f"{counts[split][label]:,} ({counts[split][label] / max(known[split][label], 1):.1%})"
            for split in counts
        ]
        table.add_row(task.shown_classes[label], *cells)
    return table


def _numbers(values: Mapping[str, Any]) -> Listing:
    table = Listing(
        "numbers, and ranks of ordered classes from 0",
        ["task", "split", "labelled", "mean", "sd", "least", "median", "greatest"],
    )
    table.words.add("split")
    for name, splits in values.items():
        for split, found in splits.items():
            if found["count"]:
                median = found["quantiles"]["0.5"]
                cells = (found["mean"], found["standard_deviation"], found["least"], median)
                shown = [number(cell, ".4g") for cell in (*cells, found["greatest"])]
                table.add_row(name, split, f"{found['count']:,}", *shown)
    return table


def _lengths(values: Mapping[str, Any]) -> Listing:
    limit = values["max_length"]
    longer = f"> {limit:,}"
    table = Listing(
        "tokens per text, special ones counted",
        ["split", "median", "95 %", "99 %", "longest", longer, "of all tokens"],
        note=f"max_length = {limit:,}; training texts that fit: {_fits(values['limits'])}",
    )
    for name, found in values["splits"].items():
        quantiles = found["quantiles"]
        cells = [f"{quantiles[share]:,}" for share in ("0.5", "0.95", "0.99", "1.0")]
        share = found["beyond"] / max(found["tokens"], 1)
        table.add_row(name, *cells, f"{found['longer']:,}", f"{share:.2%}")
    return table


def _fits(limits: list[Mapping[str, Any]]) -> str:
    return ", ".join(
        f"{1 - found['longer_share']:.1%} in {found['max_length']:,}" for found in limits
    )


def _together(values: Mapping[str, Any], verbose: bool) -> Iterator[Listing]:
    rules = values.get("implications", [])
    shown = rules if verbose else rules[:FEW]
    if shown:
        table = Listing(
            "what nearly all rows keep to",
            ["rows with …", "", "… have", "rows", "exceptions"],
            note=more(len(shown), len(rules), "rule", ALL),
            words=["", "… have"],
        )
        for rule in shown:
            first, second = (": ".join(rule[side]) for side in ("antecedent", "consequent"))
            table.add_row(
                first, rule["sign"], second, f"{rule['support']:,}", f"{rule['exceptions']:,}"
            )
        yield table
    pairs = [pair for pair in values.get("pairs", []) if not pair["by_rule"]]
    often = [pair for pair in pairs if pair["phi"] > 0]
    seldom = [pair for pair in pairs if pair["phi"] < 0]
    shown = pairs if verbose else [*often[: FEW // 2], *seldom[: FEW // 2]]
    if shown:
        table = Listing(
            "classes of training rows that go together, or seldom do",
            ["class", "class ", "together", "by chance", "φ"],
            note=more(len(shown), len(pairs), "pair", ALL),
            words=["class "],
        )
        for pair in shown:
            table.add_row(
                f"{pair['task']}: {pair['name']}",
                f"{pair['other_task']}: {pair['other']}",
                f"{pair['both']:,}",
                f"{pair['expected']:,.0f}",
                f"{pair['phi']:.2f}",
            )
        yield table


def _languages(values: Mapping[str, Any]) -> str:
    def listed(counts: Mapping[str, int]) -> str:
        total = max(sum(counts.values()), 1)
        named = [name for name, count in counts.items() if count / total >= LEAST_SHARE]
        return ", ".join(f"{name} {counts[name] / total:.1%}" for name in named)

    line = f"\ntraining texts by script: {listed(values['scripts']['train'])}"
    languages = values["languages"]["train"]
    if set(languages) == {NOT_TOLD}:
        return line
    return f"{line}; by small words of a language: {listed(languages)}"


def _rows(values: Mapping[str, Any], verbose: bool) -> Iterator[str]:
    yield "\nrows as they were read"
    for split, rows in values["rows"].items():
        if verbose or split == "train":
            for row in rows:
                texts = " | ".join(map(_short, row.get("texts", [])))
                yield f"  {row['place']}  {texts}".rstrip()
                for task, label in row["labels"].items():
                    yield f"    {task}: {one_line(label)}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= CHARACTERS else f"{line[: CHARACTERS - 1]}…"
