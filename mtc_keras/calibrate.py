"""Fits a run's temperatures and thresholds anew: `python -m mtc_keras.calibrate --model runs/x`."""

import argparse
import fnmatch
import json
import sys
from collections.abc import Sequence
from typing import Any

from mtc_keras.errors import ConfigError
from mtc_keras.programs.command import run_program, set_up
from mtc_keras.run.directory import Run


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m mtc_keras.calibrate", description=__doc__)
    parser.add_argument("--model", metavar="RUN", required=True, help="a run directory")
    parser.add_argument(
        "--data",
        metavar="FILE",
        action="append",
        help="labelled rows that the model was not trained on (default: the config's validation "
        "files)",
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
    return run_program(_calibrate, parser.parse_args(argv))


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


def _calibrate(args: argparse.Namespace) -> None:
    run = Run(args.model)
    files = args.data or run.config.data.validation
    if files is None or isinstance(files, (int, float)):
        raise ConfigError(f"the config of {args.model} names no validation file: give --data FILE")
    _refuse_other_uses(run, files)

    from mtc_keras.data.reading import read_rows

    name = "validation" if args.data is None else ", ".join(args.data)
    rows = read_rows(files, run.config.task_list, run.config.data, name)

    set_up(run.config.seed, run.config.distribution)
    from mtc_keras.console.log import Log
    from mtc_keras.console.tables import decision_tables, show_details
    from mtc_keras.data.tokens import tokenize
    from mtc_keras.scoring.decisions import fit_decisions
    from mtc_keras.scoring.judging import score_rows

    model, size = run.model, run.config.training.batch_size
    logits = model.predict_logits(tokenize(model.preprocessor, rows.texts), size)
    fitted = fit_decisions(
        model.tasks, rows.targets, logits, args.thresholds, args.calibration, run.config.seed
    )
    # A task without a label in these rows keeps what it has.
    labelled = rows.coverage(model.tasks)
    model.decisions |= {name: found for name, found in fitted.items() if labelled[name]}
    log = Log()
    for table in decision_tables(model.tasks, model.decisions):
        log.show(table)
    show_details(log, model.tasks, score_rows(model, rows, size, details=True).evaluation)
    log.line("these are the rows that it was fitted on: judge it on others, with evaluate")
    run.save_decisions(model.decisions)
    print(f"saved in {run.directory}; its metrics.json and predictions are of before")


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


if __name__ == "__main__":
    sys.exit(main())
