"""Finished runs are compared: what each gives, and whether they differ."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtc_keras.devices.startup import start
from mtc_keras.errors import ConfigError, DataError
from mtc_keras.files import to_json
from mtc_keras.pages import Page, Part, check_page, write_page
from mtc_keras.report.account import Account, account_of
from mtc_keras.report.comparing.against import Against
from mtc_keras.report.comparing.against_part import against
from mtc_keras.report.comparing.parts import configs, costs, curves, scores
from mtc_keras.report.judged import Judged
from mtc_keras.report.reporting import check_apart
from mtc_keras.run.directory import Run
from mtc_keras.run.rows import as_run

MOST_RUNS = 12
PREFERRED = ("test", "validation")


@dataclass(frozen=True, eq=False)
class ReportComparison:
    """Several runs side by side.

    Args:
        runs: what they are called, the first one first.
        page: the page that shows them.
    """

    runs: tuple[str, ...]
    page: Page

    def to_dict(self) -> dict[str, Any]:
        """Returns the numbers of all parts of the page as JSON values."""
        return to_json({part.section.id: part.values for part in self.page.parts})


def compare_reports(
    runs: Sequence[Run | str | Path], out: str | Path | None = None
) -> ReportComparison:
    """Compares two or more finished runs, each of the others with the first.

    What was predicted of each judged row is read from the runs; no model is asked again. Runs that
    judged the same rows are compared on these, by paired bootstrap; others as separate samples,
    which the page says.

    Args:
        runs: `Run`s, or the paths of run directories.
        out: optional path of the HTML file to write; its numbers go beside it, as JSON and CSV.

    Returns:
        The `ReportComparison`.

    Raises:
        ConfigError: for fewer than two runs, or if the page cannot be written.
        DataError: if there is no such run, one is damaged, or one has kept no predictions.

    Example:

    ```python
    comparison = mtc_keras.compare_reports(["runs/small", "runs/large"], "compare.html")
    comparison.to_dict()["run_2_against_1"]["tasks"]["sentiment"]["difference"]
    ```
    """
    if not 2 <= len(runs) <= MOST_RUNS:
        raise ConfigError(f"2 to {MOST_RUNS} runs can be compared, received {len(runs)}")
    if out is not None:
        check_apart(Path(out))
        check_page(out)
    opened = [as_run(run) for run in runs]
    names = _names(opened)
    start()
    with contextlib.ExitStack() as stack:
        for run in opened:
            stack.enter_context(run.being_read())
        found = dict(zip(names, map(account_of, opened), strict=True))
        comparison = ReportComparison(tuple(found), page_of_runs(found))
    if out is not None:
        write_page(comparison.page, out)
    return comparison


def _names(runs: Sequence[Run]) -> list[str]:
    """Returns what runs are called: their directories, as long as they must be to differ."""
    paths = [run.directory.resolve() for run in runs]
    if len(set(paths)) < len(paths):
        twice = next(str(path) for path in paths if paths.count(path) > 1)
        raise ConfigError(f"run {twice!r} is named twice")
    for length in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-length:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def page_of_runs(runs: Mapping[str, Account]) -> Page:
    """Returns the page on several runs, by what they are called.

    Raises:
        DataError: if one has kept no predictions.
    """
    judged = _judged(runs)
    first, *others = runs
    parts: list[Part | None] = [scores(runs)]
    parts += [
        against(Against((first, other), (judged[first], judged[other]), number))
        for number, other in enumerate(others, 2)
    ]
    parts += [curves(runs), configs(runs), costs(runs)]
    return Page(
        title=" and ".join(runs) if len(runs) == 2 else f"{len(runs)} runs",
        facts=[
            *((f"run {number + 1}", name) for number, name in enumerate(runs)),
            ("rows", ", ".join(f"{len(own):,} {own.name}" for own in judged.values())),
        ],
        parts=[part for part in parts if part is not None],
    )


def _judged(runs: Mapping[str, Account]) -> dict[str, Judged]:
    """Returns the judged rows of each run: of a split that all have, else of its own."""
    found = {
        name: {judged.name: judged for judged in account.judged} for name, account in runs.items()
    }
    if without := [name for name, own in found.items() if not own]:
        raise DataError(
            f"run {without[0]!r} has kept no predictions of its judged rows, as runs of earlier "
            "versions: train it again, or compare on a file with `mtc-keras compare --runs A B "
            "--data FILE`"
        )
    for split in PREFERRED:
        if all(split in own for own in found.values()):
            return {name: own[split] for name, own in found.items()}
    return {name: next(iter(own.values())) for name, own in found.items()}
