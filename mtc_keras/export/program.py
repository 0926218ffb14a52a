"""Exports a run for serving.

What is written needs neither Keras nor this package where it is used, and is
tested against the run before it is kept.

    mtc-keras export --model runs/x --out exports/x
    mtc-keras export --model runs/x --out exports/y --format onnx
"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mtc_keras.devices.startup import start
from mtc_keras.errors import ConfigError
from mtc_keras.export.folder import ONNX, SAVED_MODEL, check_format, version_folder
from mtc_keras.programs import options
from mtc_keras.programs.program import Program
from mtc_keras.programs.signals import tidied_at_sigterm
from mtc_keras.run.directory import MODEL, Run

MAX_LOSS = 0.01


def export_model(
    model: Any, path: str | Path, *, text_pairs: bool = False, format: str = SAVED_MODEL
) -> Path:
    """Exports a model as a SavedModel that takes texts, or as ONNX that takes token ids.

    It is written by a process of the TensorFlow backend, tested in another one against
    `predict`, and needs neither Keras nor this package where it is used. `docs/serving.md`
    describes its signatures.

    Args:
        model: a `MultiTaskClassifier`, a `Run`, or the path of a run directory.
        path: a version folder, such as `exports/x/1`; or the folder of versions, where the next
            number is taken.
        text_pairs: bool. Whether a row has two texts; a run knows it.
        format: `"saved_model"`, or `"onnx"` with a `tokenizer.json` beside it.

    Returns:
        The folder of the export.

    Raises:
        ConfigError: if the folder holds something, the tokenizer cannot be exported, or a
            package that the format needs is not installed.
        DataError: if there is no such run.
        ExportError: if the export does not answer as the model does; it is removed.

    Example:

    ```python
    mtc_keras.export_model("runs/quickstart", "exports/quickstart")  # exports/quickstart/1
    ```
    """
    if isinstance(model, (str, Path)):
        model = Run(model)
    directory = version_folder(path)
    check_format(directory, format)
    if isinstance(model, Run):
        return _export_run(model, directory, format=format).directory
    from mtc_keras.export.writing import export_live

    return export_live(model, directory, text_pairs, format).directory


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
    parser.add_argument("--quantize", choices=["int8"], help="weights of ONNX in 8 bits")
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


def _from_0(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"must be a number from 0, received {text!r}")
    return value


def run(args: argparse.Namespace) -> None:
    saved = Run(args.model)
    directory = version_folder(args.out)  # before anything large is read
    check_format(directory, args.format)
    files = _judging_files(saved, args)
    texts: Sequence[Sequence[str]] = ()
    notes: list[str] = []
    if args.self_test_texts or files:
        from mtc_keras.data.reading import read_rows

        if args.self_test_texts:
            self_test = read_rows(args.self_test_texts, [], saved.config.data, "self-test")
            texts, notes = self_test.texts, self_test.notes
    rows = None
    if files is not None:
        name = "validation" if args.data is None else ", ".join(args.data)
        rows = read_rows(files, saved.config.task_list, saved.config.data, name)
        notes += rows.notes
    for note in notes:
        print(note, flush=True)
    max_loss = MAX_LOSS if args.max_loss is None else args.max_loss
    with tidied_at_sigterm("stopped; nothing was exported"):
        exported = _export_run(saved, directory, texts, args.format, rows, max_loss)
    print(exported.shown)


def _judging_files(run: Run, args: argparse.Namespace) -> str | list[str] | None:
    """Returns the labelled files that judge int8, if it is asked for."""
    if args.quantize is None:
        for option, value in (("--data", args.data), ("--max-loss", args.max_loss)):
            if value is not None:
                raise ConfigError(f"{option} judges int8: give --quantize int8, or leave it out")
        return None
    if args.format != ONNX:
        raise ConfigError(f"--quantize {args.quantize} needs --format {ONNX}")
    files = args.data or run.config.data.validation
    if files is None or isinstance(files, (int, float)):
        raise ConfigError(f"the config of {args.model} names no validation file: give --data FILE")
    return files


def _export_run(
    run: Run,
    directory: Path,
    texts: Sequence[Sequence[str]] = (),
    format: str = SAVED_MODEL,
    rows: Any = None,
    max_loss: float = MAX_LOSS,
) -> Any:
    """Exports a run, in int8 if there are `Rows` to judge it; returns the `Export`."""
    start()
    from mtc_keras.export.onnx.quantizing import quantize
    from mtc_keras.export.writing import export_saved
    from mtc_keras.model.classifier import MultiTaskClassifier

    preset = run.directory.resolve() / MODEL
    model = MultiTaskClassifier.from_preset(str(preset), dtype="float32")
    smaller = partial(quantize, model=model, rows=rows, max_loss=max_loss)
    return export_saved(
        model,
        preset,
        directory,
        run.config.data.text_columns,
        texts,
        run,
        format,
        None if rows is None else smaller,
    )


PROGRAM = Program("export", "export a run for serving", __doc__, add_options, run)
main = PROGRAM.main
