"""A program: its options, and what is done with them."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from mtc_keras.errors import did_you_mean
from mtc_keras.programs.command import RunArguments, prepare_streams, run_program


@dataclass(frozen=True)
class Program:
    """A program at the command line: `mtc-keras NAME`, or `python -m mtc_keras.NAME`.

    Args:
        name: str. Its subcommand, and its module in `mtc_keras`.
        summary: str. What it does, in one line.
        description: what its help says above the options: the module's docstring.
        add_options: adds its options to a parser.
        run: does what the parsed options ask for; returns the exit code, or `None` for 0.
    """

    name: str
    summary: str
    description: str | None
    add_options: Callable[[argparse.ArgumentParser], None]
    run: RunArguments

    def main(self, argv: Sequence[str] | None = None) -> int:
        """Runs the program by itself; returns its exit code."""
        parser = Parser(prog=f"python -m mtc_keras.{self.name}")
        self.set_up(parser)
        return run_parsed(parser, argv)

    def set_up(self, parser: argparse.ArgumentParser) -> None:
        """Makes a parser, which may be one of several subcommands, the program's own."""
        parser.description = self.description
        parser.formatter_class = argparse.RawDescriptionHelpFormatter  # keeps examples on lines
        self.add_options(parser)
        parser.set_defaults(run=self.run, parser=parser)


class Parser(argparse.ArgumentParser):
    """Says which option is misspelt, where `argparse` would say only what is missing for that."""

    _given: Sequence[str] = ()

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        self._given = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        options = [arg.partition("=")[0] for arg in self._given if arg.startswith("--")]
        known = self._options()
        unknown = [arg for arg in options if not any(name.startswith(arg) for name in known)]
        if "required" in message and unknown and "--" not in options:
            message = f"{self._unrecognised(unknown)}\n{self.prog}: {message}"
        super().error(message)

    def unrecognised(self, arguments: Sequence[str]) -> NoReturn:
        """Ends the program because of arguments that it does not know."""
        super().error(self._unrecognised(arguments))

    def _unrecognised(self, arguments: Sequence[str]) -> str:
        hint = did_you_mean(arguments[0].partition("=")[0], self._options())
        if " -- " in self.format_usage():
            hint = hint or " Put `--` before the command."
        return f"unrecognized arguments: {' '.join(arguments)}.{hint}"

    def _options(self) -> list[str]:
        return re.findall(r"--[a-z-]+", self.format_usage())


def run_parsed(parser: Parser, argv: Sequence[str] | None) -> int:
    """Parses a command line and runs the program that it asks for; returns the exit code."""
    prepare_streams()  # a help is printed, too
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        args.parser.unrecognised(unknown)  # of the subcommand, whose options these should be
    return run_program(args.run, args)
