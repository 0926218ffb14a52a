"""Exports a run for serving: `python -m mtc_keras.export --model runs/x --out exports/x`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtc_keras.command import run_program, set_up
from mtc_keras.run import MODEL, Run
from mtc_keras.versions import version_folder


def export_model(model: Any, path: str | Path, *, text_pairs: bool = False) -> Path:
    """Exports a model as a SavedModel that takes texts.

    It is written by a process of the TensorFlow backend, tested in another one against
    `predict`, and needs neither Keras nor this package where it is used. `docs/serving.md`
    describes its signatures.

    Args:
        model: a `MultiTaskClassifier`, a `Run`, or the path of a run directory.
        path: a version folder, such as `exports/x/1`; or the folder of versions, where the next
            number is taken.
        text_pairs: bool. Whether a row has two texts; a run knows it.

    Returns:
        The folder of the SavedModel.

    Raises:
        ConfigError: if the folder holds something, or the tokenizer cannot be exported.
        DataError: if there is no such run.
        ExportError: if the export does not answer as the model does; it is removed.

    Example:

    ```python
    mtc_keras.export_model("runs/quickstart", "exports/quickstart")  # exports/quickstart/1
    ```
    """
    if isinstance(model, (str, Path)):
        model = Run(model)
    if isinstance(model, Run):
        return _export_run(model, path).directory
    directory = version_folder(path)
    from mtc_keras.exporting import export_live

    return export_live(model, directory, text_pairs).directory


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m mtc_keras.export", description=__doc__)
    parser.add_argument("--model", metavar="RUN", required=True, help="a run directory")
    parser.add_argument(
        "--out",
        metavar="DIR",
        required=True,
        help="a version folder (exports/x/1), or the folder of versions, where the next is taken",
    )
    parser.add_argument(
        "--self-test-texts",
        metavar="FILE",
        action="append",
        help="rows with the run's text column, which the self-test reads besides its own texts",
    )
    return run_program(_export, parser.parse_args(argv))


def _export(args: argparse.Namespace) -> None:
    run = Run(args.model)
    version_folder(args.out)  # before anything large is read
    texts: Sequence[Sequence[str]] = ()
    if args.self_test_texts:
        from mtc_keras.data import read_rows

        texts = read_rows(args.self_test_texts, [], run.config.data, "self-test").texts
    print(_export_run(run, args.out, texts).shown)


def _export_run(run: Run, path: str | Path, texts: Sequence[Sequence[str]] = ()) -> Any:
    """Exports a run; returns the `Export`."""
    directory = version_folder(path)
    set_up(run.config.seed)
    from mtc_keras.classifier import MultiTaskClassifier
    from mtc_keras.exporting import export_saved

    preset = run.directory.resolve() / MODEL
    model = MultiTaskClassifier.from_preset(str(preset), dtype="float32")
    columns = run.config.data.text_columns
    return export_saved(model, preset, directory, columns, texts, run)


if __name__ == "__main__":
    sys.exit(main())
