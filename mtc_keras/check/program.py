"""Looks at a config's data before a training: what they hold, what is odd.

The rows are read as `train` reads them. Problems come with their number, the
first places and what would help; --out writes a page with figures, and beside
it all numbers as JSON and all places as CSV.

    mtc-keras check --config configs/x.toml
    mtc-keras check --config configs/x.toml --out check.html

Or it splits the rows of data.train into files for training, validation and
test, and writes a config that trains on them:

    mtc-keras check --config configs/x.toml --split 0.8,0.1,0.1 --out-dir DIR

The exit code is 1 if there is a problem of the severity that --fail-on names,
or a worse one, and 0 otherwise.
"""

import argparse
import os
from dataclasses import replace

from mtc_keras.check.splitting.options import add_split_options, check_split_options, split
from mtc_keras.config import load_config
from mtc_keras.errors import ConfigError, legible
from mtc_keras.pages import check_page
from mtc_keras.programs import options
from mtc_keras.programs.program import Program

FAILS_ON = {"error": ("error",), "warning": ("error", "warning"), "never": ()}


def add_options(parser: argparse.ArgumentParser) -> None:
    options.add_config(parser)
    options.add_out(parser, "write a page of HTML, too, with JSON and CSV beside it")
    options.add_overwrite(parser, "replace the page that is there")
    parser.add_argument(
        "--no-texts", action="store_false", dest="texts", default=None, help="show no texts"
    )
    parser.add_argument(
        "--label-errors",
        action="store_true",
        help="look for labels that are likely wrong, too: a minute for 10,000 rows on two cores",
    )
    parser.add_argument(
        "--fail-on",
        choices=FAILS_ON,
        default="error",
        help="the least severity of a problem that ends with the exit code 1 (default: error)",
    )
    options.add_verbose(parser, "show all tasks, classes and problems, however many")
    add_split_options(parser)


def run(args: argparse.Namespace) -> int:
    check_split_options(args)
    config = load_config(args.config, args.overrides)
    if args.split is not None:
        split(config, args)
        return 0
    if args.out:
        check_page(args.out)
        if os.path.lexists(args.out) and not args.overwrite:
            raise ConfigError(f"{args.out!r} is there already; --overwrite replaces it")
    print(legible(f"{args.config}: reading the data"), flush=True)
    from mtc_keras.check.checking import check_data
    from mtc_keras.console.log import Log

    check = check_data(config, texts=args.texts, label_errors=args.label_errors)
    check = replace(check, title=f"Check of {args.config}")
    check.show(Log(), verbose=args.verbose)
    if args.out:
        check.write(args.out)
        print(legible(f"\nthe page is in {args.out}"))
    else:
        print("\n--out check.html writes a page with figures, all numbers and places")
    return int(any(problem.severity in FAILS_ON[args.fail_on] for problem in check.problems))


PROGRAM = Program("check", "look at the data before a training", __doc__, add_options, run)
main = PROGRAM.main
