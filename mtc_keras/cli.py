"""All programs under one name: `mtc-keras train`, `mtc-keras predict` and so on."""

import argparse
import importlib
import sys
from collections.abc import Sequence

import shtab

import mtc_keras
from mtc_keras.errors import did_you_mean
from mtc_keras.programs.program import Parser, Program, run_parsed

# Modules with a PROGRAM, in the order of the help. None of them imports Keras or JAX before it
# has read the options, so that help and mistakes show up at once.
MODULES = (
    "mtc_keras.init.program",
    "mtc_keras.check.program",
    "mtc_keras.shrink.program",
    "mtc_keras.train.program",
    "mtc_keras.report.program",
    "mtc_keras.evaluate",
    "mtc_keras.predict.program",
    "mtc_keras.calibrate",
    "mtc_keras.distill",
    "mtc_keras.compare.program",
    "mtc_keras.export.program",
    "mtc_keras.launch",
    "mtc_keras.serve.program",
)
DESCRIPTION = """\
One BERT encoder, every label: multi-task text classification on Keras 3 and JAX.

    mtc-keras init --data train.csv --out config.toml
    mtc-keras check --config config.toml --out check.html
    mtc-keras train --config config.toml
    mtc-keras predict --model runs/quickstart --text "The clerk was kind."
    mtc-keras serve --model runs/quickstart

`mtc-keras PROGRAM --help` describes a program.
"""
EPILOG = """\
Completion with the Tab key, in bash or zsh:

    eval "$(mtc-keras --print-completion bash)"      # in ~/.bashrc
    mtc-keras --print-completion zsh > DIR/_mtc-keras  # DIR: one of $fpath
"""


def programs() -> dict[str, Program]:
    """Returns all programs by name."""
    found = [importlib.import_module(module).PROGRAM for module in MODULES]
    return {program.name: program for program in found}


def build_parser(known: dict[str, Program]) -> Parser:
    """Returns the parser of `mtc-keras`, with one of each program's own as a subcommand."""
    parser = Parser(
        prog="mtc-keras",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=mtc_keras.__version__)
    shtab.add_argument_to(
        parser, "--print-completion", help="print a shell's completion script and stop"
    )
    commands = parser.add_subparsers(title="programs", metavar="PROGRAM", required=True)
    for program in known.values():
        program.set_up(commands.add_parser(program.name, help=program.summary))
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program that the command line names; returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    known = programs()
    parser = build_parser(known)
    if argv and not argv[0].startswith("-") and argv[0] not in known:
        hint = did_you_mean(argv[0], known)
        parser.error(f"there is no program {argv[0]!r}.{hint} Known: {', '.join(known)}")
    return run_parsed(parser, argv)
