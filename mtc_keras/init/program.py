"""Makes a config of a table of texts and labels, which trains as it stands.

It asks nothing: it says what it is not sure of, and the config is there to be
changed. Three rows stand in it as they are read, cut short; --no-rows leaves
them out.

    mtc-keras init --data train.csv
    mtc-keras init --data train.csv test.csv --out config.toml
"""

import argparse
import os
import sys

from mtc_keras.config import reading_of
from mtc_keras.errors import ConfigError, legible
from mtc_keras.files import check_writable, write_whole
from mtc_keras.programs import options
from mtc_keras.programs.program import Program


def add_options(parser: argparse.ArgumentParser) -> None:
    options.add_data(parser, "files of texts and labels, or globs", required=True)
    options.add_out(parser, "the config, a file that is not there yet (default: the screen)")
    options.add_reading(
        parser,
        "how the files are read, where that cannot be seen, such as data.text=body or "
        "data.delimiter='^' (may be repeated)",
    )
    parser.add_argument(
        "--no-rows", action="store_false", dest="rows", help="show no rows in the config"
    )


def run(args: argparse.Namespace) -> None:
    if args.out:
        if os.path.lexists(args.out):
            raise ConfigError(f"{args.out!r} is there already; name another file with --out")
        check_writable(args.out)
    from mtc_keras.init.first_config import init_config

    first = init_config(
        args.data,
        rows=args.rows,
        out=args.out or "config.toml",
        reading=reading_of(args.reading),
    )
    for note in first.notes:
        print(legible(note), file=sys.stdout if args.out else sys.stderr)
    if not args.out:
        print(first.text, end="")
        return
    write_whole(args.out, first.text)
    print(legible(f"\nthe config is in {args.out}; look at it, then:"))
    print(legible(f"  mtc-keras train --config {args.out}"))


PROGRAM = Program("init", "write a first config from a table", __doc__, add_options, run)
main = PROGRAM.main
