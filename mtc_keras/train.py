"""Trains one model for all tasks: `python -m mtc_keras.train --config configs/x.toml`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtc_keras.backbones import check_backbone
from mtc_keras.command import run_program, set_up
from mtc_keras.config import Config, config_schema, load_config
from mtc_keras.run import Run, check_output


def fit(
    config: Config | str | Path,
    train: Any = None,
    validation: Any = None,
    test: Any = None,
    *,
    overwrite: bool = False,
    verbose: int = 1,
) -> Run:
    """Trains a model and leaves a run directory.

    Args:
        config: a `Config`, or the path of a TOML file.
        train: optional DataFrame in place of `data.train`.
        validation: optional DataFrame in place of `data.validation`.
        test: optional DataFrame in place of `data.test`.
        overwrite: bool. Whether a run in the output directory may be replaced.
        verbose: 0 for silence, 1 for progress and tables, 2 for every class, too.

    Returns:
        The finished `Run`; `run.model` predicts, `run.metrics` has the numbers.

    Raises:
        ConfigError: for a mistake in the config.
        DataError: for a mistake in the data.

    Example:

    ```python
    run = mtc_keras.fit("configs/quickstart.toml", overwrite=True)
    run.model.classify(["The clerk was kind, but I waited two hours."])
    ```
    """
    if not isinstance(config, Config):
        config = load_config(config)
    check_output(config.output.directory, overwrite)
    check_backbone(config.model)
    frames = {"train": train, "validation": validation, "test": test}

    from mtc_keras.data import read_splits

    dataset = read_splits(config, {k: frame for k, frame in frames.items() if frame is not None})

    set_up(config.seed, config.distribution, config.training.batch_size)
    from mtc_keras.training import train_run

    return train_run(config, dataset, verbose)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m mtc_keras.train", description=__doc__)
    parser.add_argument("--config", metavar="FILE", help="the TOML config")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="overrides",
        help="override a key of the config, such as training.epochs=1 (may be repeated)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a run that is there")
    parser.add_argument("--verbose", action="store_true", help="show every class each epoch")
    parser.add_argument(
        "--print-schema", action="store_true", help="print the config's JSON Schema and stop"
    )
    args = parser.parse_args(argv)
    if args.print_schema:
        print(config_schema())
        return 0
    if args.config is None:
        parser.error("--config FILE is required")
    return run_program(_train, args)


def _train(args: argparse.Namespace) -> None:
    config = load_config(args.config, args.overrides)
    print(f"{args.config}: reading the data, loading the model", flush=True)
    run = fit(config, overwrite=args.overwrite, verbose=2 if args.verbose else 1)
    if not run.is_here:  # process 0 has written it, and says so
        return
    print(f"\nthe run is in {run.directory}; try:")
    print(f"  python -m mtc_keras.evaluate --model {run.directory}")
    print(f'  python -m mtc_keras.predict --model {run.directory} --text "…"')


if __name__ == "__main__":
    sys.exit(main())
