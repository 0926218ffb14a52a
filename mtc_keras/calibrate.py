"""Fits a run's temperatures and thresholds again.

Needs labelled rows that the model was not trained on and will not be judged on.

    mtc-keras calibrate --model runs/x
    mtc-keras calibrate --model runs/x --data new.csv --thresholds per_task
"""

import argparse
import fnmatch
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mtc_keras.config import reading_of
from mtc_keras.devices.startup import start
from mtc_keras.errors import ConfigError, legible
from mtc_keras.files import to_json
from mtc_keras.programs import options
from mtc_keras.programs.program import Program
from mtc_keras.run.directory import Run
from mtc_keras.run.rows import as_run, labelled_files, labelled_rows, unlabelled_notes
from mtc_keras.tasks import Decision, Task

if TYPE_CHECKING:
    from mtc_keras.console.log import Log
    from mtc_keras.run.rows import Data

RULES, CALIBRATIONS = ("per_label", "per_task"), ("temperature", "none")


@dataclass(frozen=True, eq=False)
class Calibration:
    """The temperatures and thresholds that a run has been given.

    Args:
        name: str. What the rows are called that they were fitted on.
        tasks: the model's tasks.
        decisions: dict from each task with probabilities to its `Decision`.
        metrics: those of the same rows, as `Evaluation.metrics`, and so flattered.
        notes: lines on rows that were left out, such as those without a text, and on tasks for
            which no row has a label.
    """

    name: str
    tasks: tuple[Task, ...]
    decisions: dict[str, Decision]
    metrics: dict[str, Any]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Returns `decisions` and `metrics` as JSON values."""
        decisions = {name: decision.to_dict() for name, decision in self.decisions.items()}
        return to_json({"decisions": decisions, "metrics": self.metrics})

    def show(self, log: "Log") -> None:
        """Shows the decisions and what they changed as tables."""
        from mtc_keras.console.scores import show_details
        from mtc_keras.console.tables import decision_tables

        for note in self.notes:
            log.line(note)
        for table in decision_tables(self.tasks, self.decisions):
            log.show(table)
        show_details(log, self.tasks, self.metrics)
        log.line("these are the rows that it was fitted on: judge it on others, with evaluate")


def calibrate_run(
    run: Run | str | Path,
    data: "Data | None" = None,
    *,
    thresholds: Literal["per_label", "per_task"] | float = "per_label",
    calibration: Literal["temperature", "none"] = "temperature",
    reading: Mapping[str, Any] | None = None,
    reader: bool = False,
) -> Calibration:
    """Fits a run's temperatures and thresholds anew, and saves them in it.

    A task without a label in the rows keeps what it has. The run's `metrics.json` and
    predictions stay those from before.

    Args:
        run: a `Run`, or the path of a run directory.
        data: labelled rows that the model was not trained on and will not be judged on, in the
            run's format: a file, a glob, a list of them, a DataFrame or dicts, or a dict from
            column to parallel file; default: the validation files of the run's config, or the
            validation rows by its column `data.split`.
        thresholds: `"per_label"`, `"per_task"`, or one number from 0 to 1 for all labels.
        calibration: `"temperature"` or `"none"`.
        reading: keys of `[data]` that say how rows are read, such as `{"delimiter": ";"}`, and
            `"tasks.NAME.column"`; default: those of the run.
        reader: bool. Whether the run's own `data.reader` is called for its validation rows.

    Returns:
        The `Calibration`.

    Raises:
        ConfigError: if the rows were trained on or are test rows, if there are none, or for
            another value.
        DataError: for a mistake in the data, or if there is no such run.

    Example:

    ```python
    calibration = mtc_keras.calibrate_run("runs/quickstart", "data/new.csv")
    calibration.decisions["sentiment"].temperature
    ```
    """
    _check(thresholds, calibration)
    run = as_run(run)
    with run.being_changed():  # from the start: nobody trains another model into it meanwhile
        run.check_model()
        if not reader:
            _refuse_other_uses(run, labelled_files(run, data, "validation")[0])
        rows = labelled_rows(run, data, "validation", reading=reading, reader=reader)
        start(run.config.distribution)
        from mtc_keras.model.long_texts import tokens_of
        from mtc_keras.scoring.decisions import fit_decisions
        from mtc_keras.scoring.judging import judge_logits

        model = run.model
        tokens = tokens_of(model, rows.texts)
        logits = model.predict_logits(tokens, run.config.training.batch_size)
        fitted = fit_decisions(
            model.tasks, rows.targets, logits, thresholds, calibration, run.config.seed
        )
        labelled = rows.coverage(model.tasks)
        model.decisions |= {name: found for name, found in fitted.items() if labelled[name]}
        metrics = judge_logits(
            model.tasks, rows.targets, logits, model.decisions, model=model, details=True
        )
        run.save_decisions(model.decisions)
    notes = (*rows.notes, *unlabelled_notes(rows, model.tasks))
    return Calibration(rows.name, model.tasks, dict(model.decisions), metrics, notes)


def _check(thresholds: Any, calibration: Any) -> None:
    is_number = isinstance(thresholds, (int, float)) and not isinstance(thresholds, bool)
    if thresholds not in RULES and not (is_number and 0 <= thresholds <= 1):
        raise ConfigError(
            f"thresholds must be per_label, per_task or a number between 0 and 1, "
            f"received {thresholds!r}"
        )
    if calibration not in CALIBRATIONS:
        raise ConfigError(f"calibration must be temperature or none, received {calibration!r}")


def _refuse_other_uses(run: Run, data: Any) -> None:
    """Refuses rows that must not choose thresholds: those trained on, and the test rows."""
    from mtc_keras.data.sources import are_files, hash_files, named

    if not are_files(data):
        return  # rows in memory are of no file
    # By a column of splits, the validation rows of a training file are chosen.
    others = ("test",) if run.config.data.split else ("train", "test")
    splits = {
        digest: split
        for split in others
        for path, digest in run.environment["data_sha256"].items()
        if _is_among(path, named(getattr(run.config.data, split) or []))
    }
    # By content, so that a copy or another working directory hides nothing.
    for path, digest in hash_files(data).items():
        if digest in splits:
            raise ConfigError(
                f"{path} is a {splits[digest]} file of this run; temperatures and thresholds need "
                "labelled rows of their own"
            )


def _is_among(path: str, patterns: list[str]) -> bool:
    """Whether files or globs name a path."""
    return any(path == pattern or fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def add_options(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    options.add_data(
        parser,
        "labelled rows that the model was not trained on (default: the config's validation files)",
    )
    options.add_reading(parser)
    options.add_reader(parser, "validation rows")
    parser.add_argument(
        "--thresholds",
        type=_thresholds,
        metavar="RULE",
        default="per_label",
        help="per_label, per_task or a number (default: per_label)",
    )
    parser.add_argument(
        "--calibration",
        choices=CALIBRATIONS,
        default="temperature",
        help="how probabilities are calibrated (default: temperature)",
    )


def _thresholds(text: str) -> str | float:
    try:
        value: str | float = text if text in RULES else float(text)
        _check(value, "none")
    except ValueError:  # also of `_check`
        raise argparse.ArgumentTypeError(
            f"must be per_label, per_task or a number between 0 and 1, received {text!r}"
        ) from None
    return value


def run(args: argparse.Namespace) -> None:
    calibrated = Run(args.model, check=args.check)
    found = calibrate_run(
        calibrated,
        args.data,
        thresholds=args.thresholds,
        calibration=args.calibration,
        reading=reading_of(args.reading),
        reader=args.reader,
    )
    from mtc_keras.console.log import Log

    found.show(Log())
    print(
        legible(
            f"saved in {calibrated.directory}; its metrics.json and predictions are from before"
        )
    )


PROGRAM = Program(
    "calibrate", "fit a run's temperatures and thresholds again", __doc__, add_options, run
)
main = PROGRAM.main

if __name__ == "__main__":
    sys.exit(main())
