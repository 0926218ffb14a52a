"""Exports a saved model: SavedModel or ONNX, self-test, description; whole or not there.

saved_model.pb variables/                  what TensorFlow and TensorFlow Serving load
assets.extra/mtc_keras.json                classes, thresholds, versions, self-test
assets.extra/tf_serving_warmup_requests    what TensorFlow Serving asks itself first
README.md                                  the model card
SHA256SUMS                                 checksums of all of them

An ONNX export holds model.onnx, tokenizer.json, mtc_keras.json, README.md and SHA256SUMS, and of
a model that reads windows pool.onnx.
"""

import errno
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtc_keras.config import READ_BY
from mtc_keras.data.long_texts import room_of
from mtc_keras.devices import process
from mtc_keras.errors import legible
from mtc_keras.export.agreement import run_module, self_test
from mtc_keras.export.doors import check_model, kind_of
from mtc_keras.export.folder import (
    ABOUT,
    FORMAT,
    ONNX,
    ONNX_ABOUT,
    SAVED_MODEL,
    WARM_UP,
    check_format,
    check_packages,
    check_target,
    is_version,
    unfinished_folder,
    write_models_config,
)
from mtc_keras.export.model_card import model_card
from mtc_keras.export.onnx.rates import advice
from mtc_keras.export.saved_model.ask import INPUTS
from mtc_keras.files import readable_json, resolved, write_sums, write_whole
from mtc_keras.tasks import Task

if TYPE_CHECKING:
    from mtc_keras.model.classifier import MultiTaskClassifier
    from mtc_keras.run.directory import Run


@dataclass(frozen=True)
class Export:
    """An export that has been written.

    Args:
        directory: its folder.
        about: what its `mtc_keras.json` holds.
        notes: lines on rows that the self-test and int8 left out, such as those without a text.
    """

    directory: Path
    about: dict[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """A few lines for the screen."""
        size = sum(file.stat().st_size for file in self.directory.rglob("*") if file.is_file())
        test = self.about["self_test"]
        lines = [*self.notes, f"the export is in {self.directory} ({size / 1e6:.1f} MB)"]
        lines += [f"self-test on {test['texts']} texts, largest difference to predict:"]
        lines += [f"  {name}: {value:.1e}" for name, value in test["largest_difference"].items()]
        if "ties" in test:
            lines.append(shown_ties(test["ties"]))
        if "int8" in self.about:
            lines += shown_int8(self.about["int8"])
        if self.about["model_format"] == SAVED_MODEL and not (self.directory / WARM_UP).exists():
            lines.append("no warm-up requests: they need pip install 'mtc-keras[serving]'")
        return "\n".join(lines)


def export_live(
    model: "MultiTaskClassifier",
    path: str | Path,
    text_pairs: bool = False,
    format: str = SAVED_MODEL,
) -> Export:
    """Exports a `MultiTaskClassifier` as it is now, with its decisions.

    Args:
        model: the model.
        path: the folder of the export.
        text_pairs: bool. Whether a row has two texts.
        format: `"saved_model"` or `"onnx"`.
    """
    directory = resolved(path, f"export folder {str(path)!r}")
    check_target(directory)
    check_format(directory, format)
    check_model(model, format, text_pairs)
    check_packages(format)
    with tempfile.TemporaryDirectory(prefix="mtc_keras_") as folder:
        preset = Path(folder) / "model"
        model.save_to_preset(str(preset))
        saved = type(model).from_preset(str(preset), dtype="float32")
        return export_saved(saved, preset, directory, INPUTS[: 1 + text_pairs], format=format)


def export_saved(
    model: "MultiTaskClassifier",
    preset: Path,
    directory: Path,
    columns: Sequence[str],
    *,
    texts: Sequence[Sequence[str]] = (),
    run: "Run | None" = None,
    format: str = SAVED_MODEL,
    quantize: Callable[[Path], dict[str, Any]] | None = None,
) -> Export:
    """Exports a saved model.

    Args:
        model: the `MultiTaskClassifier` of the preset, in float32.
        preset: the folder written by `save_to_preset`.
        directory: the folder of the export.
        columns: names of the text columns, one or two.
        texts: texts that the self-test reads besides its own, one sequence per column.
        run: the `Run` that the model comes from, for the model card.
        format: `"saved_model"` or `"onnx"`.
        quantize: takes the folder of an ONNX export that has passed its self-test, makes its
            weights smaller, and returns what that cost.

    Raises:
        ConfigError: if the tokenizer cannot be exported.
        ExportError: if its answers differ from those of the model.
    """
    text_pairs = len(columns) > 1
    check_model(model, format, text_pairs)  # of a tokenizer of one's own, not known before
    module = (
        "mtc_keras.export.onnx.write" if format == ONNX else "mtc_keras.export.saved_model.write"
    )
    with unfinished_folder(directory) as part:
        arguments = ["--text-pairs"] if text_pairs else []
        writing = run_module(module, str(preset), str(part), *arguments)
        if writing.returncode:
            full = os.strerror(errno.ENOSPC)
            if full in writing.stderr:
                raise OSError(errno.ENOSPC, full, str(part))
            raise RuntimeError(f"the export could not be written:\n{writing.stderr[-4000:]}")
        about = {
            "name": directory.parent.name if is_version(directory) else directory.name,
            "format": FORMAT.number,
            "model_format": format,
            "inputs": dict(zip(INPUTS, columns, strict=False)),
            "data": {} if run is None else _about_data(run),
            **_about_reading(model, run),
            "tasks": {task.name: _about_task(task, model) for task in model.tasks},
            "self_test": self_test(model, part, text_pairs, texts),
            "versions": process.versions(),
        }
        if quantize is not None:
            about["int8"] = quantize(part)
        described = part / (ONNX_ABOUT if format == ONNX else ABOUT)
        described.parent.mkdir(exist_ok=True)
        write_whole(described, readable_json(about))
        card = model_card(about, run)
        write_whole(part / "README.md", legible(card))  # it names files and classes
        write_sums(part)
    if is_version(directory) and format == SAVED_MODEL:
        write_models_config(directory.parent)
    return Export(directory, about)


def shown_ties(ties: dict[str, Any]) -> str:
    """Returns a line on the texts whose answers could not be compared."""
    count, most = ties["texts"], max(ties["largest_difference"].values())
    texts, have, their = ("text", "has", "its") if count == 1 else ("texts", "have", "their")
    return (
        f"  not compared: {count} {texts} that {have} the model's tokens in another order, as runs "
        f"of letters may; {their} answers differ by up to {most:.1e}"
    )


def shown_int8(found: dict[str, Any]) -> list[str]:
    """Returns lines on what int8 gained and cost."""
    before, after, speed = found["before"], found["after"], found["speed"]
    lines = [
        f"{found['quantize']} on {found['rows']} rows: {before['megabytes']} → "
        f"{after['megabytes']} MB",
        f"  in {speed['seconds']} s, in turns: {before['rows_per_second']} → "
        f"{after['rows_per_second']} rows/s",
        f"  {advice(found)}",
    ]
    return lines + [
        f"  {name} {task['metric']}: {task['before']:.4f} → {task['after']:.4f}"
        for name, task in found["tasks"].items()
    ]


def _about_reading(model: "MultiTaskClassifier", run: "Run | None") -> dict[str, Any]:
    """Returns what reads texts, and what it reads of those of more than `max_length` tokens."""
    preprocessor = model.preprocessor
    tokenizer = preprocessor.tokenizer
    about = {
        "encoder": {"class": type(model.backbone).__name__},
        "tokenizer": {"class": type(tokenizer).__name__, "kind": kind_of(tokenizer)},
        "max_length": preprocessor.sequence_length,
        "special_tokens": preprocessor.sequence_length - room_of(preprocessor),
        "long_texts": model.long_texts,
    }
    if model.prefix:
        about["prefix"] = model.prefix
    if run is not None:
        about["encoder"]["name"] = run.config.model.backbone
    return about | ({"window_overlap": model.window_overlap} if model.window_poolings else {})


def _about_data(run: "Run") -> dict[str, Any]:
    """Returns how rows are read, besides the text columns that `inputs` names."""
    return run.config.data.model_dump(include=set(READ_BY), exclude_none=True)


def _about_task(task: Task, model: "MultiTaskClassifier") -> dict[str, Any]:
    about = task.exported()
    if task.name in model.window_poolings:
        about["window_pooling"] = model.window_poolings[task.name].rule
    decision = model.decisions.get(task.name)
    return about if decision is None else {**about, **decision.to_dict()}
