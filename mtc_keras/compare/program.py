"""Is one joint model worth it? Is a run better than another?

With --config, trains the joint model and one model per task, and compares their
scores on the test rows and what they cost. With --runs, judges two finished
runs on the same rows.

    mtc-keras compare --config configs/x.toml --seeds 3
    mtc-keras compare --runs runs/small runs/large --data new.csv

With --runs, --set says how the rows of --data are read, as in evaluate.
"""

import argparse

from mtc_keras.compare.approaches import compare_approaches, compared_directory
from mtc_keras.compare.runs import compare_runs
from mtc_keras.config import load_config, reading_of
from mtc_keras.errors import ConfigError, legible
from mtc_keras.files import check_writable, readable_json, write_whole
from mtc_keras.programs import options
from mtc_keras.programs.program import Program
from mtc_keras.run.directory import Run


def add_options(parser: argparse.ArgumentParser) -> None:
    options.add_config(parser, required=False)
    parser.add_argument(
        "--seeds", type=int, metavar="N", help="trainings of each model (default: 1)"
    )
    parser.add_argument(
        "--with",
        choices=["binary"],
        dest="other",
        help="compare with one multilabel task of all classes, too",
    )
    options.add_overwrite(parser, "train again what an earlier call has trained")
    runs = parser.add_argument_group("of two finished runs")
    runs.add_argument("--runs", metavar=("A", "B"), nargs=2, help="their directories")
    options.add_data(runs, "labelled rows (default: the test files, if both runs have the same)")
    options.add_unchecked(runs)
    options.add_out(runs, "write the comparison as JSON, too")


def run(args: argparse.Namespace) -> None:
    of_config = {
        "--config": args.config,
        "--seeds": args.seeds,
        "--with": args.other,
        "--overwrite": args.overwrite,
    }
    of_runs = {
        "--runs": args.runs,
        "--data": args.data,
        "--out": args.out,
        "--unchecked": not args.check,
    }
    if bool(args.config) == bool(args.runs):
        raise ConfigError("give --config FILE to train and compare, or --runs A B")
    mode, others = ("--config", of_runs) if args.config else ("--runs", of_config)
    for option, value in others.items():
        if value not in (None, False, []):
            raise ConfigError(f"{option} does not go with {mode}")
    if args.runs:
        _compare_runs(args)
    else:
        _compare_approaches(args)


def _compare_runs(args: argparse.Namespace) -> None:
    if args.out:
        check_writable(args.out)
    first, second = (Run(directory, check=args.check) for directory in args.runs)
    comparison = compare_runs(first, second, args.data, reading=reading_of(args.overrides))
    from mtc_keras.console.log import Log

    comparison.show(Log())
    if args.out:
        write_whole(args.out, readable_json(comparison.to_dict()))


def _compare_approaches(args: argparse.Namespace) -> None:
    config = load_config(args.config, args.overrides)
    print(legible(f"{args.config}: reading the data, loading the model"), flush=True)
    compare_approaches(
        config,
        1 if args.seeds is None else args.seeds,
        binary=args.other == "binary",
        overwrite=args.overwrite,
    )
    directory = compared_directory(config)
    print(legible(f"\nruns, compare.json, comparison.html and compare.log are in {directory}"))


PROGRAM = Program(
    "compare",
    "compare one joint model with one model per task, or two runs",
    __doc__,
    add_options,
    run,
)
main = PROGRAM.main
