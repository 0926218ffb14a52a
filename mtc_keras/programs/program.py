"""A program: its options, and what is done with them."""

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
        parser = argparse.ArgumentParser(prog=f"python -m mtc_keras.{self.name}")
        self.set_up(parser)
        return run_parsed(parser, argv)

    def set_up(self, parser: argparse.ArgumentParser) -> None:
        """Makes a parser, which may be one of several subcommands, the program's own."""
        parser.description = self.description
        parser.formatter_class = argparse.RawDescriptionHelpFormatter  # keeps examples on lines
        self.add_options(parser)
        parser.set_defaults(run=self.run, parser=parser)


def run_parsed(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> int:
    """Parses a command line and runs the program that it asks for; returns the exit code."""
    prepare_streams()  # a help is printed, too
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        # By the parser of the subcommand, as only its usage shows the options that there are.
        usage = args.parser.format_usage()
        options = re.findall(r"--[a-z-]+", usage)
        hint = did_you_mean(unknown[0].partition("=")[0], options)
        if " -- " in usage:
            hint = hint or " Put `--` before the command."
        args.parser.error(f"unrecognized arguments: {' '.join(unknown)}.{hint}")
    return run_program(args.run, args)
