"""Versions of an ONNX export that load in milliseconds and answer differently."""

import json
import shutil
from pathlib import Path

import onnx
from onnx import numpy_helper

from tests.conftest import ROOT

EXPORT = ROOT / "tests" / "written_by_0_1" / "export_onnx" / "1"
MAX_LENGTH = 256


def write_version(folder: Path, number: int) -> Path:
    """Writes a version into the folder of versions, whole at once; returns its own folder.

    It reads up to 256 tokens. The biases of its heads grow with its number, so that no two
    versions answer alike.
    """
    written = folder.with_name(f"{folder.name}.{number}.unfinished")
    shutil.copytree(EXPORT, written)
    for name, keys in (("mtc_keras.json", ()), ("tokenizer.json", ("truncation",))):
        values = json.loads((written / name).read_text("utf-8"))
        part = values
        for key in keys:
            part = part[key]
        part["max_length"] = MAX_LENGTH
        (written / name).write_text(json.dumps(values), encoding="utf-8")
    model = onnx.load(written / "model.onnx")
    heads = [
        tensor
        for tensor in model.graph.initializer
        if "/head_" in tensor.name and "Add/ReadVariableOp" in tensor.name
    ]
    assert len(heads) == 4
    for tensor in heads:
        bias = numpy_helper.to_array(tensor).copy()
        bias[0] += 0.2 * number
        tensor.CopyFrom(numpy_helper.from_array(bias, tensor.name))
    onnx.save(model, written / "model.onnx")
    folder.mkdir(exist_ok=True)
    return written.rename(folder / str(number))
