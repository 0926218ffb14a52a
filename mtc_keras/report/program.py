"""Writes the report of a run: a page of HTML that needs no network, and its numbers.

`mtc-keras train` writes it as RUN/report.html. This writes it again: after
`mtc-keras calibrate`, of a run that was trained without one, or somewhere else.

    mtc-keras report runs/x
    mtc-keras report runs/x --out x.html
"""

import argparse

import shtab

from mtc_keras.errors import legible
from mtc_keras.programs import options
from mtc_keras.programs.program import Program


def add_options(parser: argparse.ArgumentParser) -> None:
    run = parser.add_argument("run", metavar="RUN", help="a run directory")
    options.complete(run, shtab.DIRECTORY)
    options.add_unchecked(parser)
    options.add_out(parser, "the HTML file (default: report.html in the run)")


def run(args: argparse.Namespace) -> None:
    from mtc_keras.report.reporting import report_run
    from mtc_keras.run.directory import Run

    report = report_run(Run(args.run, check=args.check), args.out)
    for note in report.notes:
        print(legible(f"note: {note}"))
    print(legible(f"the report is in {report.path}, its numbers in {report.path.stem}.json"))


PROGRAM = Program("report", "write the report of a run", __doc__, add_options, run)
main = PROGRAM.main
