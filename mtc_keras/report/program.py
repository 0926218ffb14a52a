"""Writes the report of a run: a page of HTML that needs no network, and numbers.

`mtc-keras train` writes it as RUN/report.html. This writes it again: after
`mtc-keras calibrate`, of a run that was trained without one, or somewhere else.

    mtc-keras report runs/x
    mtc-keras report runs/x --out x.html
    mtc-keras report runs/x --explain 20

Of several runs it writes a page that compares the others with the first.

    mtc-keras report runs/small runs/large --out compare.html
"""

import argparse
from pathlib import Path

import shtab

from mtc_keras.errors import ConfigError, check_count, legible
from mtc_keras.programs import options
from mtc_keras.programs.program import Program

MOST_EXPLAINED = 1000


def add_options(parser: argparse.ArgumentParser) -> None:
    runs = parser.add_argument("runs", metavar="RUN", nargs="+", help="run directories")
    options.complete(runs, shtab.DIRECTORY)
    parser.add_argument(
        "--explain",
        type=int,
        metavar="N",
        help="colour the words of N examples by what they add to the prediction (some seconds)",
    )
    options.add_unchecked(parser)
    options.add_out(parser, "the HTML file (default: report.html in the run)")


def run(args: argparse.Namespace) -> None:
    if len(args.runs) > 1:
        _compare(args)
        return
    if args.explain is not None:
        check_count("--explain", args.explain, MOST_EXPLAINED)
    from mtc_keras.report.reporting import report_run
    from mtc_keras.run.directory import Run

    run = Run(args.runs[0], check=args.check)
    report = report_run(run, args.out, explained=args.explain or 0)
    for note in report.notes:
        print(legible(f"note: {note}"))
    _tell("report", report.path)


def _compare(args: argparse.Namespace) -> None:
    if args.out is None:
        raise ConfigError("say where the comparison of runs is to be: --out compare.html")
    if args.explain is not None:
        raise ConfigError("--explain goes with the report of one run")
    from mtc_keras.report.comparing.operation import compare_reports
    from mtc_keras.run.directory import Run

    compare_reports([Run(run, check=args.check) for run in args.runs], args.out)
    _tell("comparison", Path(args.out))


def _tell(what: str, path: Path) -> None:
    print(legible(f"the {what} is in {path}, its numbers in {path.stem}.json"))


PROGRAM = Program("report", "write the report of a run, or compare runs", __doc__, add_options, run)
main = PROGRAM.main
