"""Trains one model for all tasks and leaves a run directory.

The config, a TOML file, says everything; --set overrides a key of it.

    mtc-keras train --config configs/x.toml
    mtc-keras train --config configs/x.toml --set training.epochs=1 --overwrite
"""

import argparse
import shlex
import signal
from pathlib import Path
from typing import Any

from mtc_keras.config import Config, config_schema, load_config
from mtc_keras.devices.startup import start
from mtc_keras.errors import ConfigError, Stopped
from mtc_keras.model.backbones import check_backbone
from mtc_keras.programs import options
from mtc_keras.programs.program import Program
from mtc_keras.run.checkpoints import saved_checkpoints
from mtc_keras.run.directory import Run, checkpoint_directory, finished_run
from mtc_keras.run.output import check_output, owned_output


def fit(
    config: Config | str | Path,
    train: Any = None,
    validation: Any = None,
    test: Any = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    verbose: int = 1,
) -> Run:
    """Trains a model and leaves a run directory.

    It seeds Python, NumPy and Keras by the config's `seed`, so that the same call gives the same
    numbers. While the model trains, the first Ctrl-C or SIGTERM only asks it to stop.

    Args:
        config: a `Config`, or the path of a TOML file.
        train: optional DataFrame in place of `data.train`.
        validation: optional DataFrame in place of `data.validation`.
        test: optional DataFrame in place of `data.test`.
        overwrite: bool. Whether a run in the output directory may be replaced, finished or not.
        resume: bool. Whether to go on with an unfinished run of the same config and data. One
            that is finished already is returned as it is.
        verbose: 0 for silence, 1 for progress and tables, 2 for every class, too.

    Returns:
        The finished `Run`; `run.model` predicts, `run.metrics` has the numbers.

    Raises:
        ConfigError: for a mistake in the config.
        DataError: for a mistake in the data.
        Stopped: a `KeyboardInterrupt`, at the first Ctrl-C or SIGTERM, when the step is done
            and the state saved; the second stops at once.

    Example:

    ```python
    run = mtc_keras.fit("configs/quickstart.toml", overwrite=True)
    run.model.classify(["The clerk was kind, but I waited two hours."])
    ```
    """
    if not isinstance(config, Config):
        config = load_config(config)
    if resume and overwrite:
        raise ConfigError("--resume goes on with a run and --overwrite starts anew: choose one")
    finished = finished_run(config.output.directory) if resume else None
    if finished is not None:
        if verbose:
            print(f"the run in {finished.directory} is finished already")
        return finished
    check_output(config.output.directory, overwrite, resume)
    check_backbone(config.model)
    frames = {"train": train, "validation": validation, "test": test}

    from mtc_keras.data.reading import read_splits

    dataset = read_splits(config, {k: frame for k, frame in frames.items() if frame is not None})

    start(config.distribution, batch_size=config.training.batch_size, seed=config.seed)
    from mtc_keras.train.steps import train_run

    with owned_output(config.output.directory, overwrite, resume):
        return train_run(config, dataset, verbose, resume)


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
    print(f"{args.config}: reading the data, loading the model", flush=True)
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
    print(f"\nthe run is in {trained.directory}; try:")
    print(f"  mtc-keras evaluate --model {trained.directory}")
    print(f'  mtc-keras predict --model {trained.directory} --text "…"')


def _resume_command(args: argparse.Namespace) -> str:
    overrides = [part for override in args.overrides for part in ("--set", override)]
    verbose = ["--verbose"] if args.verbose else []
    arguments = ["--config", args.config, *overrides, *verbose, "--resume"]
    return shlex.join(["mtc-keras", "train", *arguments])


PROGRAM = Program("train", "train one model for all tasks", __doc__, add_options, run)
main = PROGRAM.main
