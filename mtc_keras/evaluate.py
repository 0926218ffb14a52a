"""Judges a run on labelled data: `python -m mtc_keras.evaluate --model runs/x`."""

import argparse
import sys
from collections.abc import Sequence

from mtc_keras.errors import ConfigError
from mtc_keras.files import check_writable, readable_json, write_whole
from mtc_keras.programs.command import run_program, set_up
from mtc_keras.run.directory import Run


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m mtc_keras.evaluate", description=__doc__)
    parser.add_argument("--model", metavar="RUN", required=True, help="a run directory")
    parser.add_argument(
        "--data",
        metavar="FILE",
        action="append",
        help="labelled rows, in the run's format (default: the config's test files)",
    )
    parser.add_argument("--out", metavar="FILE", help="write the metrics as JSON, too")
    parser.add_argument("--verbose", action="store_true", help="show every class")
    return run_program(_evaluate, parser.parse_args(argv))


def _evaluate(args: argparse.Namespace) -> None:
    run = Run(args.model)
    if args.out:
        check_writable(args.out)
    files = args.data or run.config.data.test
    if files is None:
        raise ConfigError(f"the config of {args.model} names no test file: give --data FILE")

    name = "test" if args.data is None else ", ".join(args.data)

    from mtc_keras.data.reading import read_rows

    rows = read_rows(files, run.config.task_list, run.config.data, name)

    set_up(run.config.seed, run.config.distribution)
    from mtc_keras.console.log import Log
    from mtc_keras.console.tables import show_details, show_scores
    from mtc_keras.scoring.judging import baseline, score_rows

    tasks = run.model.tasks
    scores = score_rows(run.model, rows, run.config.training.batch_size, details=True)
    constant = baseline(tasks, run.constants, rows.targets)
    log = Log()
    show_scores(log, rows.name, tasks, scores.evaluation, constant, per_class=args.verbose)
    show_details(log, tasks, scores.evaluation)
    if args.out:
        write_whole(args.out, readable_json({**scores.evaluation, "baseline": constant}))


if __name__ == "__main__":
    sys.exit(main())
