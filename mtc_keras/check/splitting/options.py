"""The options of `mtc-keras check` that split rows in place of a check."""

import argparse

import shtab

from mtc_keras.config import Config
from mtc_keras.errors import ConfigError, legible
from mtc_keras.programs import options


def add_split_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--split SIZES`, `--out-dir DIR`, `--pool` and `--near-duplicates`."""
    group = parser.add_argument_group("to split rows")
    group.add_argument(
        "--split",
        metavar="SIZES",
        type=options.text,
        help="split data.train: 0.8,0.1,0.1 for train, validation and test, or 0.9,0.1; shares, "
        "per cent, or numbers of rows",
    )
    option = group.add_argument(
        "--out-dir", metavar="DIR", help="the new folder of the parts and their config"
    )
    options.complete(option, shtab.DIRECTORY)
    group.add_argument(
        "--pool",
        action="store_true",
        help="split all rows anew, those of data.validation and data.test, too",
    )
    group.add_argument(
        "--near-duplicates",
        action="store_true",
        help="leave texts that are nearly the same in one part, as equal ones are",
    )


def check_split_options(args: argparse.Namespace) -> None:
    """Checks that the options go together.

    Raises:
        ConfigError: if they do not.
    """
    if args.split is None:
        given = {"--out-dir": args.out_dir, "--pool": args.pool}
        given["--near-duplicates"] = args.near_duplicates
        for name, value in given.items():
            if value:
                raise ConfigError(f"{name} is of a split: add --split 0.8,0.1,0.1")
    elif args.out_dir is None:
        raise ConfigError("--split writes a new folder: name it with --out-dir DIR")
    else:
        given = {
            "--out": args.out,
            "--overwrite": args.overwrite,
            "--no-texts": args.texts is False,
        }
        given["--label-errors"] = args.label_errors
        for name, value in given.items():
            if value:
                raise ConfigError(
                    f"{name} is of a check, which --split takes the place of: leave one out"
                )


def split(config: Config, args: argparse.Namespace) -> None:
    """Splits the rows of a config, and shows what has become of them."""
    print(legible(f"{args.config}: reading the data"), flush=True)
    from mtc_keras.check.splitting.splitting import split_config
    from mtc_keras.console.log import Log

    found = split_config(
        config, args.split, args.out_dir, pool=args.pool, near_duplicates=args.near_duplicates
    )
    found.show(Log())
