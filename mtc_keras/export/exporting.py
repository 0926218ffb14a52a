"""A model or a run exported for serving."""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mtc_keras.devices.startup import start
from mtc_keras.errors import ConfigError
from mtc_keras.export.doors import check_saved
from mtc_keras.export.folder import (
    ONNX,
    SAVED_MODEL,
    check_format,
    check_packages,
    version_folder,
)
from mtc_keras.export.onnx.rates import INT8, INT8_WEIGHTS
from mtc_keras.run.directory import MODEL, Run
from mtc_keras.run.rows import labelled_rows, text_rows

if TYPE_CHECKING:
    from mtc_keras.export.writing import Export
    from mtc_keras.model.classifier import MultiTaskClassifier
    from mtc_keras.run.rows import Data

MAX_LOSS = 0.01
KINDS = (INT8, INT8_WEIGHTS)


def export_model(
    model: "MultiTaskClassifier | Run | str | Path",
    path: str | Path,
    *,
    format: str = SAVED_MODEL,
    text_pairs: bool = False,
    quantize: Literal["int8", "int8_weights"] | None = None,
    max_loss: float | None = None,
    data: "Data | None" = None,
    self_test_texts: "Data | None" = None,
    reading: Mapping[str, Any] | None = None,
) -> "Export":
    """Exports a model as a SavedModel that takes texts, or as ONNX that takes token ids.

    It is written by a process of the TensorFlow backend, tested in another one against
    `predict`, and needs neither Keras nor this package where it is used. `docs/exporting.md`
    describes its signatures.

    Args:
        model: a `MultiTaskClassifier`, a `Run`, or the path of a run directory.
        path: a version folder, such as `exports/x/1`; or the folder of versions, where the next
            number is taken.
        format: `"saved_model"`, or `"onnx"` with a `tokenizer.json` beside it.
        text_pairs: bool. Whether a row has two texts; a run knows it.
        quantize: `"int8"` for the weights of a run's ONNX export in 8 bits, and products in 8 bits;
            `"int8_weights"` for products in float32, for processors that are slower in 8 bits.
        max_loss: float. Refuse int8 where a task's main metric gets worse by more than that;
            default: 0.01.
        data: labelled rows that judge int8: a file, a glob, a list of them, a DataFrame or
            dicts; default: the validation files of the run's config.
        self_test_texts: rows with a run's text columns, which the self-test reads besides its
            own texts.
        reading: keys of `[data]` that say how the rows of both are read, such as
            `{"delimiter": ";"}`, and `"tasks.NAME.column"`; default: those of the run.

    Returns:
        The `Export`: its `directory`, and what its `mtc_keras.json` holds, `about` it.

    Raises:
        ConfigError: if the folder holds something, the tokenizer cannot leave in this format, a
            package that the format needs is not installed, or the options do not go together.
        DataError: if there is no such run, or for a mistake in the data.
        ExportError: if the export does not answer as the model does, or int8 costs too much; it
            is removed.

    Example:

    ```python
    export = mtc_keras.export_model("runs/quickstart", "exports/quickstart")
    export.directory  # exports/quickstart/1
    ```
    """
    if isinstance(model, (str, Path)):
        model = Run(model)
    directory = version_folder(path)  # before anything large is read
    check_format(directory, format)
    judges = {"data": data, "max_loss": max_loss}
    if not isinstance(model, Run):
        for option, value in {
            "quantize": quantize,
            **judges,
            "self_test_texts": self_test_texts,
            "reading": reading or None,
        }.items():
            if value is not None:
                raise ConfigError(f"{option} needs a run, whose config says how rows are read")
        from mtc_keras.export.writing import export_live

        return export_live(model, directory, text_pairs, format)

    _check_int8(format, quantize, judges)
    # What no package that is installed, and no row that is read, would change.
    check_saved(model, format)
    check_packages(format, quantize)
    with model.being_read():
        model.check_model()
        rows, own = None, None
        if quantize:
            rows = labelled_rows(model, data, "validation", reading=reading)
        if self_test_texts is not None:
            own = text_rows(model, self_test_texts, "self-test", reading=reading)
        exported = _export_run(
            model,
            directory,
            texts=() if own is None else own.texts,
            format=format,
            rows=rows,
            judged=None
            if quantize is None
            else {"kind": quantize, "max_loss": MAX_LOSS if max_loss is None else max_loss},
        )
    notes = [note for read in (rows, own) if read is not None for note in read.notes]
    return replace(exported, notes=tuple(notes))


def _check_int8(format: str, quantize: str | None, judges: dict[str, Any]) -> None:
    """Checks that the options of int8 go together."""
    if quantize is None:
        for option, value in judges.items():
            if value is not None:
                raise ConfigError(f"{option} judges int8: ask for int8, or leave it out")
        return
    if quantize not in KINDS:
        kinds = " or ".join(map(repr, KINDS))
        raise ConfigError(f"quantize must be {kinds}, received {quantize!r}")
    if format != ONNX:
        raise ConfigError(f"quantize {quantize} needs format {ONNX}")
    max_loss = judges["max_loss"]
    if max_loss is not None and not 0 <= max_loss < math.inf:
        raise ConfigError(f"max_loss must be a number from 0, received {max_loss}")


def _export_run(
    run: Run, directory: Path, *, texts: Any, format: str, rows: Any, judged: Any
) -> "Export":
    """Exports a run, in int8 if there are `Rows` to judge it."""
    start()
    from mtc_keras.export.onnx.quantizing import quantize
    from mtc_keras.export.writing import export_saved
    from mtc_keras.model.classifier import MultiTaskClassifier

    preset = run.directory.resolve() / MODEL
    model = MultiTaskClassifier.from_preset(str(preset), dtype="float32", check=False)
    smaller = judged and partial(quantize, model=model, rows=rows, **judged)
    return export_saved(
        model,
        preset,
        directory,
        run.config.data.text_columns,
        texts=texts,
        run=run,
        format=format,
        quantize=smaller,
    )
