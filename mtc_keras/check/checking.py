"""A check of a config's data: every analysis in its turn, and what they found as one result."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mtc_keras
from mtc_keras.check.checked import Checked
from mtc_keras.check.findings import SEVERITIES, Analysis, Findings
from mtc_keras.config import Config, load_config
from mtc_keras.errors import ConfigError
from mtc_keras.files import to_json
from mtc_keras.pages import Page, Part, Problem, Problems, Section, write_page
from mtc_keras.pages.blocks import Severity

if TYPE_CHECKING:
    from mtc_keras.console.log import Log
    from mtc_keras.data.sources import OwnRows


@dataclass(frozen=True, eq=False)
class Check:
    """What a check found.

    Args:
        title: str. What was checked.
        checked: the data that were looked at.
        problems: what is odd, the worst first.
        parts: the analyses: what a page shows of each, and its numbers.
        tables: all places of the problems, as rows by the name of a CSV file.
        seconds: what each analysis took.
    """

    title: str
    checked: Checked
    problems: tuple[Problem, ...]
    parts: tuple[Part, ...]
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    seconds: Mapping[str, float]

    def count(self, severity: Severity) -> int:
        """Returns the number of problems of a severity."""
        return sum(problem.severity == severity for problem in self.problems)

    def values(self, part: str) -> Mapping[str, Any]:
        """Returns the numbers of a part by its `id`, none if there is no such part."""
        return next((found.values for found in self.parts if found.section.id == part), {})

    def to_dict(self) -> dict[str, Any]:
        """Returns problems and numbers as JSON values."""
        return to_json(
            {
                "title": self.title,
                "problems": _problem_values(self.problems),
                **{part.section.id: part.values for part in self.parts},
                "seconds": self.seconds,
            }
        )

    def show(self, log: "Log", verbose: bool = False) -> None:
        """Shows problems and tables; `verbose` shows every task, class and place."""
        from mtc_keras.check.screen import show

        show(self, log, verbose)

    def write(self, path: str | Path) -> None:
        """Writes a page of HTML, and beside it all numbers as JSON and tables as CSV.

        Args:
            path: the page, such as `"check.html"`; `check.json` and the folder `check` lie beside
                it.
        """
        write_page(self.page(), Path(path))

    def page(self) -> Page:
        """Returns the page."""
        shown = Part(
            Section("Problems", [Problems(self.problems)], "problems"),
            {"problems": _problem_values(self.problems)},
            self.tables,
        )
        rows = ", ".join(f"{len(rows):,} {name}" for name, rows in self.checked.splits.items())
        facts = [
            ("rows", rows),
            ("tasks", str(len(self.checked.tasks))),
            ("mtc-keras", mtc_keras.__version__),
            ("seconds", f"{sum(self.seconds.values()):.1f}"),
        ]
        return Page(self.title, facts=facts, parts=[shown, *self.parts])


def check_data(
    config: Config | str | Path,
    train: "OwnRows | None" = None,
    validation: "OwnRows | None" = None,
    test: "OwnRows | None" = None,
    *,
    texts: bool | None = None,
    label_errors: bool = False,
) -> Check:
    """Looks at a config's data before a training: what they hold, and what is odd about them.

    Args:
        config: a `Config`, or the path of a TOML file.
        train: optional DataFrame or dicts in place of `data.train`.
        validation: optional DataFrame or dicts in place of `data.validation`.
        test: optional DataFrame or dicts in place of `data.test`.
        texts: bool. Whether texts are shown; default: what `[report] texts` says.
        label_errors: bool. Whether to look for labels that are likely wrong, too, which loads
            the backbone and takes about a minute.

    Returns:
        The `Check`.

    Raises:
        ConfigError: for a mistake in the config.
        DataError: for a mistake in the data with which no training could begin.

    Example:

    ```python
    check = mtc_keras.check_data("configs/quickstart.toml")
    [problem.title for problem in check.problems]
    check.write("check.html")
    ```
    """
    if label_errors and (backend := os.environ.get("KERAS_BACKEND", "jax")) != "jax":
        raise ConfigError(
            f"likely label errors are found on JAX alone, and KERAS_BACKEND is {backend}: set it "
            "to jax, or leave out --label-errors"
        )
    from mtc_keras.data.reading import read_splits
    from mtc_keras.model.backbones.names import check_backbone

    title = "Check" if isinstance(config, Config) else f"Check of {config}"
    if not isinstance(config, Config):
        config = load_config(config)
    check_backbone(config.model)
    given = {"train": train, "validation": validation, "test": test}
    begun = time.perf_counter()
    dataset = read_splits(config, {name: rows for name, rows in given.items() if rows is not None})
    checked = Checked(config, dataset, config.report.texts if texts is None else texts)
    seconds = {"reading": time.perf_counter() - begun}
    found: list[Findings] = []
    for name, analysis in _analyses(label_errors):
        found.append(analysis(checked))
        seconds[name] = time.perf_counter() - begun - sum(seconds.values())
    problems = [problem for findings in found for problem in findings.problems]
    return Check(
        title,
        checked,
        tuple(sorted(problems, key=lambda problem: SEVERITIES.index(problem.severity))),
        tuple(part for findings in found for part in findings.parts),
        {name: rows for findings in found for name, rows in findings.tables.items()},
        {name: round(taken, 2) for name, taken in seconds.items()},
    )


def _analyses(label_errors: bool) -> list[tuple[str, Analysis]]:
    """Returns the analyses in their order, each with its name."""
    from mtc_keras.check.problems.kinds import find_problems
    from mtc_keras.check.statistics.parts import find_statistics

    analyses: list[tuple[str, Analysis]] = [
        ("problems", find_problems),
        ("statistics", find_statistics),
    ]
    if label_errors:  # first, so that the backbone is loaded with its weights, and once
        from mtc_keras.check.label_errors import find_label_errors

        analyses.insert(0, ("label errors", find_label_errors))
    return analyses


def _problem_values(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    return [{**vars(problem), "places": list(problem.places)} for problem in problems]
