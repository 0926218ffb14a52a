"""Trains one model for all tasks and leaves a run directory.

The config, a TOML file, says everything; --set overrides a key of it.

    mtc-keras train --config configs/x.toml
    mtc-keras train --config configs/x.toml --set training.epochs=1 --overwrite
"""

import argparse
import shlex
import signal

from mtc_keras.config import config_schema, load_config
from mtc_keras.errors import Stopped, legible
from mtc_keras.programs import options
from mtc_keras.programs.program import Program
from mtc_keras.run.checkpoints import saved_checkpoints
from mtc_keras.run.directory import REPORT, checkpoint_directory
from mtc_keras.train.fitting import fit


def add_options(parser: argparse.ArgumentParser) -> None:
    options.add_config(parser)
    options.add_overwrite(parser, "replace the run in the output directory")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue an unfinished run of the same config and data",
    )
    options.add_verbose(parser, "show all tasks, however many, and their classes after each epoch")
    parser.add_argument(
        "--print-schema",
        action=PrintSchema,
        nargs=0,
        help="print the JSON Schema of the config and stop",
    )


class PrintSchema(argparse.Action):
    """Prints the schema in place of a training, as `--help` prints the help."""

    def __call__(self, parser: argparse.ArgumentParser, *received: object) -> None:
        print(config_schema())
        parser.exit()


def run(args: argparse.Namespace) -> None:
    config = load_config(args.config, args.overrides)
    print(legible(f"{args.config}: reading the data, loading the model"), flush=True)
    try:
        trained = fit(
            config,
            overwrite=args.overwrite,
            resume=args.resume,
            verbose=2 if args.verbose else 1,
        )
    except KeyboardInterrupt as stopped:
        if not saved_checkpoints(checkpoint_directory(config.output.directory)):
            raise
        received = stopped.received if isinstance(stopped, Stopped) else signal.SIGINT
        message = f"{stopped}" or "interrupted"
        raise Stopped(received, f"{message}; continue with:\n  {_resume_command(args)}") from None
    if not trained.is_here:  # process 0 has written it, and says so
        return
    report = trained.directory / REPORT
    shown = f", its report in {report}" if report.exists() else ""
    print(legible(f"\nthe run is in {trained.directory}{shown}; try:"))
    data = (
        ""
        if config.data.test or config.data.split
        else " --reader"
        if config.data.reader
        else " --data FILE"
    )
    print(legible(f"  mtc-keras evaluate --model {trained.directory}{data}"))
    texts = " ".join(['"…"'] * len(config.data.text_columns))
    print(legible(f"  mtc-keras predict --model {trained.directory} --text {texts}"))


def _resume_command(args: argparse.Namespace) -> str:
    overrides = [part for override in args.overrides for part in ("--set", override)]
    verbose = ["--verbose"] if args.verbose else []
    arguments = ["--config", args.config, *overrides, *verbose, "--resume"]
    return shlex.join(["mtc-keras", "train", *arguments])


PROGRAM = Program("train", "train one model for all tasks", __doc__, add_options, run)
main = PROGRAM.main
