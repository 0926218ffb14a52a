"""Options that several programs share, each written once."""

import argparse
import os
from collections.abc import Mapping

import shtab

from mtc_keras.errors import is_utf8

STDIN = "-"  # in place of a file


def text(given: str) -> str:
    """Returns an argument as the text that it is, also where the locale has not decoded it.

    Raises:
        argparse.ArgumentTypeError: if it is not UTF-8.
    """
    if is_utf8(given):
        return given
    try:  # its bytes stand there as surrogates
        return os.fsencode(given).decode("utf-8")
    except UnicodeError:
        raise argparse.ArgumentTypeError(
            f"{given!r} is not UTF-8 (a file of such a name can be named by a glob)"
        ) from None


def add_config(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Adds `--config FILE` and `--set KEY=VALUE`."""
    option = parser.add_argument(
        "--config", metavar="FILE", required=required, help="the TOML config"
    )
    complete(option, shtab.FILE)
    _add_set(
        parser,
        "overrides",
        "override a key of the config, such as training.epochs=1 (may be repeated)",
    )


def _add_set(parser: "argparse._ActionsContainer", dest: str, help: str) -> None:
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        type=text,
        default=[],
        dest=dest,
        help=help,
    )


def add_model(
    parser: argparse.ArgumentParser, help: str = "a run directory", name: str = "--model"
) -> None:
    """Adds `--model DIR`, or one of another name, and `--unchecked`."""
    option = parser.add_argument(name, metavar="DIR", required=True, help=help)
    complete(option, shtab.DIRECTORY)
    add_unchecked(parser)


def add_unchecked(parser: "argparse._ActionsContainer") -> None:
    """Adds `--unchecked`, of programs that read a run or an export."""
    parser.add_argument(
        "--unchecked",
        action="store_false",
        dest="check",
        help="read it though files have changed since they were written, as by your own hand",
    )


def add_data(
    parser: "argparse._ActionsContainer", help: str, name: str = "--data", *, required: bool = False
) -> None:
    """Adds `--data FILE …`: files or globs, after one option or several."""
    option = parser.add_argument(
        name, metavar="FILE", action="extend", nargs="+", required=required, help=help
    )
    complete(option, shtab.FILE)


def add_reading(parser: "argparse._ActionsContainer", help: str = "") -> None:
    """Adds `--set KEY=VALUE` of programs that read rows without a config of their own."""
    of_run = (
        "read the rows of --data in another way than the run did, such as data.delimiter=';' "
        "or tasks.topic.column=subject (may be repeated)"
    )
    _add_set(parser, "reading", help or of_run)


def add_reader(parser: "argparse._ActionsContainer", rows: str) -> None:
    """Adds `--reader`, in place of files."""
    parser.add_argument(
        "--reader",
        action="store_true",
        help=f"{rows} from the run's own data.reader, which is code that is run then",
    )


def add_out(
    parser: "argparse._ActionsContainer", help: str, metavar: str = "FILE", required: bool = False
) -> None:
    """Adds `--out`, the file or folder that is written."""
    option = parser.add_argument("--out", metavar=metavar, required=required, help=help)
    complete(option, shtab.DIRECTORY if metavar == "DIR" else shtab.FILE)


def add_overwrite(parser: argparse.ArgumentParser, help: str) -> None:
    """Adds `--overwrite`."""
    parser.add_argument("--overwrite", action="store_true", help=help)


def add_verbose(parser: argparse.ArgumentParser, help: str) -> None:
    """Adds `--verbose`."""
    parser.add_argument("--verbose", action="store_true", help=help)


def complete(option: argparse.Action, by: Mapping[str, object]) -> None:
    """Has a shell complete an option's value by files or directories."""
    option.complete = by  # type: ignore[attr-defined]  # where shtab looks
