"""Fits a run's temperatures and thresholds anew.

Needs labelled rows that the model was not trained on and will not be judged on.

    mtc-keras calibrate --model runs/x
    mtc-keras calibrate --model runs/x --data new.csv --thresholds per_task
"""

import argparse
import fnmatch
import json
import sys
from typing import Any

from mtc_keras.devices.startup import start
from mtc_keras.errors import ConfigError
from mtc_keras.programs import options
from mtc_keras.programs.program import Program
from mtc_keras.run.directory import Run


def add_options(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    options.add_data(
        parser,
        "labelled rows that the model was not trained on (default: the config's validation files)",
    )
    parser.add_argument(
        "--thresholds",
        type=_thresholds,
        metavar="RULE",
        default="per_label",
        help="per_label, per_task or a number (default: per_label)",
    )
    parser.add_argument(
        "--calibration",
        choices=["temperature", "none"],
        default="temperature",
        help="how probabilities are calibrated (default: temperature)",
    )


def _thresholds(text: str) -> Any:
    if text in ("per_label", "per_task"):
        return text
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(
            f"must be per_label, per_task or a number between 0 and 1, received {text!r}"
        )
    return value


def run(args: argparse.Namespace) -> None:
    calibrated = Run(args.model)
    files = args.data or calibrated.config.data.validation
    if files is None or isinstance(files, (int, float)):
        raise ConfigError(f"the config of {args.model} names no validation file: give --data FILE")
    _refuse_other_uses(calibrated, files)

    from mtc_keras.data.reading import read_rows

    name = "validation" if args.data is None else ", ".join(args.data)
    rows = read_rows(files, calibrated.config.task_list, calibrated.config.data, name)

    start(calibrated.config.distribution)
    from mtc_keras.console.log import Log
    from mtc_keras.console.scores import show_details
    from mtc_keras.console.tables import decision_tables
    from mtc_keras.data.tokens import tokenize
    from mtc_keras.scoring.decisions import fit_decisions
    from mtc_keras.scoring.judging import score_rows

    model, size = calibrated.model, calibrated.config.training.batch_size
    logits = model.predict_logits(tokenize(model.preprocessor, rows.texts), size)
    fitted = fit_decisions(
        model.tasks, rows.targets, logits, args.thresholds, args.calibration, calibrated.config.seed
    )
    # A task without a label in these rows keeps what it has.
    labelled = rows.coverage(model.tasks)
    model.decisions |= {name: found for name, found in fitted.items() if labelled[name]}
    log = Log()
    for note in rows.notes:
        log.line(note)
    for table in decision_tables(model.tasks, model.decisions):
        log.show(table)
    show_details(log, model.tasks, score_rows(model, rows, size, details=True).evaluation)
    log.line("these are the rows that it was fitted on: judge it on others, with evaluate")
    calibrated.save_decisions(model.decisions)
    print(f"saved in {calibrated.directory}; its metrics.json and predictions are from before")


def _refuse_other_uses(run: Run, files: str | list[str]) -> None:
    """Refuses rows that must not choose thresholds: those trained on, and the test rows."""
    from mtc_keras.data.sources import hash_files

    recorded = json.loads((run.directory / "environment.json").read_text(encoding="utf-8"))
    splits = {
        digest: split
        for split in ("train", "test")
        for path, digest in recorded["data_sha256"].items()
        if _names(getattr(run.config.data, split), path)
    }
    # By content, so that a copy or another working directory hides nothing.
    for path, digest in hash_files(files).items():
        if digest in splits:
            raise ConfigError(
                f"{path} is a {splits[digest]} file of this run; temperatures and thresholds need "
                "labelled rows of their own"
            )


def _names(files: str | list[str] | None, path: str) -> bool:
    """Whether a file, glob or list of them names a path."""
    patterns = [files] if isinstance(files, str) else files or []
    return any(path == pattern or fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


PROGRAM = Program(
    "calibrate", "fit a run's temperatures and thresholds anew", __doc__, add_options, run
)
main = PROGRAM.main

if __name__ == "__main__":
    sys.exit(main())
