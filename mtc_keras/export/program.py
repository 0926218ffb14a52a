"""Exports a run for serving.

What is written needs neither Keras nor this package where it is used, and is
tested against the run before it is kept.

    mtc-keras export --model runs/x --out exports/x
    mtc-keras export --model runs/x --out exports/y --format onnx
"""

import argparse

from mtc_keras.config import reading_of
from mtc_keras.errors import legible
from mtc_keras.export.exporting import KINDS, MAX_LOSS, export_model
from mtc_keras.export.folder import ONNX, SAVED_MODEL
from mtc_keras.programs import options
from mtc_keras.programs.program import Program
from mtc_keras.programs.signals import tidied_at_sigterm
from mtc_keras.run.directory import Run


def add_options(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    options.add_out(
        parser,
        "a version folder (exports/x/1), or the folder of versions, where the next is taken",
        "DIR",
        required=True,
    )
    parser.add_argument(
        "--format",
        choices=[SAVED_MODEL, ONNX],
        default=SAVED_MODEL,
        help="a SavedModel takes texts, ONNX token ids (default: saved_model)",
    )
    parser.add_argument(
        "--quantize",
        choices=KINDS,
        help="weights of ONNX in 8 bits: int8 multiplies in 8 bits, too, int8_weights in float32",
    )
    parser.add_argument(
        "--max-loss",
        metavar="LOSS",
        type=_from_0,
        help="refuse int8 where a task's main metric gets worse by more than that "
        f"(default: {MAX_LOSS})",
    )
    options.add_data(
        parser, "labelled rows that judge int8 (default: the config's validation files)"
    )
    options.add_data(
        parser,
        "rows with the run's text column, which the self-test reads besides its own texts",
        name="--self-test-texts",
    )
    options.add_reading(parser)


def _from_0(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"must be a number from 0, received {text!r}")
    return value


def run(args: argparse.Namespace) -> None:
    with tidied_at_sigterm("stopped; nothing was exported"):
        exported = export_model(
            Run(args.model, check=args.check),
            args.out,
            format=args.format,
            quantize=args.quantize,
            max_loss=args.max_loss,
            data=args.data,
            self_test_texts=args.self_test_texts,
            reading=reading_of(args.reading),
        )
    print(legible(exported.shown))


PROGRAM = Program("export", "export a run for serving", __doc__, add_options, run)
main = PROGRAM.main
