"""The self-test of an export: texts of every sort go through the model and through the export."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtc_keras.devices import process
from mtc_keras.errors import ExportError
from mtc_keras.export.onnx.ask import is_onnx
from mtc_keras.export.same_tokens import in_onnx, in_saved_model
from mtc_keras.export.saved_model.ask import described
from mtc_keras.export.texts import TEXTS, long_texts
from mtc_keras.files import json_line, write_whole

if TYPE_CHECKING:
    from mtc_keras.model.classifier import MultiTaskClassifier

TOLERANCE = 1e-4
BATCH_SIZES = (1, 32)
PACKAGE = Path(__file__).parents[2]


def self_test(
    model: "MultiTaskClassifier",
    export: Path,
    text_pairs: bool = False,
    texts: Sequence[Sequence[str]] = (),
) -> dict[str, Any]:
    """Compares what the model predicts with what the export answers in a fresh process.

    Args:
        model: the `MultiTaskClassifier`, in float32.
        export: the folder of the export.
        text_pairs: bool. Whether a row has two texts.
        texts: texts of the user's, one sequence of strings or two, tested, too.

    Returns:
        `texts`, how many; `tolerance`; and `largest_difference` by task: of probabilities as
        they are, of a regression's numbers as a share of those above 1. Where texts have the
        model's tokens in another order, which no answer can be compared of, `ties` has how many
        `texts`, and their `largest_difference`.

    Raises:
        ExportError: if the export cannot be loaded, a difference is above the tolerance, a
            label is not the one that the probabilities decide, or `tokenizer.json` of an ONNX
            export reads other tokens than the model.
    """
    own = [*TEXTS, *long_texts(model)]
    columns = [own, own[::-1]][: 1 + text_pairs]
    columns = [[*ours, *given] for ours, given in zip(columns, texts or [[], []], strict=False)]
    with process.full_precision():
        x = tuple(columns) if text_pairs else columns[0]
        expected = model.predict(x, batch_size=max(BATCH_SIZES), verbose=0)
    answers = ask(export, columns)
    tokens = (
        in_onnx(model, columns, answers)
        if is_onnx(export)
        else in_saved_model(model, columns, answers)
    )
    found = {size: only(answers, f"{size}/serving_default/") for size in BATCH_SIZES}

    def largest(rows: np.ndarray) -> dict[str, float]:
        return {
            name: max(_difference(found[size].get(name), right, rows) for size in BATCH_SIZES)
            for name, right in expected.items()
        }

    differences = largest(~tokens.tied)
    problems = [
        f"{name}: differs by {difference:.1e} from the model, above {TOLERANCE}"
        for name, difference in differences.items()
        if not difference <= TOLERANCE
    ]
    # A SavedModel may read a text otherwise where that is cut off, and answers decide.
    if tokens.wrong.any() and (problems or is_onnx(export)):
        problems.insert(0, _wrong_tokens(tokens.wrong))
    if not (problems or is_onnx(export)):
        for size in BATCH_SIZES:
            answered = described(only(answers, f"{size}/classify/"))
            problems += _wrong_labels(model, found[size], answered)
    if problems:
        raise ExportError("the answers of export and model differ; the export is removed", problems)
    about = {"texts": len(columns[0]), "tolerance": TOLERANCE, "largest_difference": differences}
    if tokens.tied.any():
        about["ties"] = {
            "texts": int(tokens.tied.sum()),
            "largest_difference": largest(tokens.tied),
        }
    return about


def ask(
    export: Path, columns: Sequence[Sequence[str]], batch_sizes: Sequence[int] = BATCH_SIZES
) -> dict[str, np.ndarray]:
    """Returns what an export answers in a process that uses TensorFlow, or ONNX Runtime, alone.

    Args:
        export: the folder of the export.
        columns: one sequence of strings, or two for text pairs.
        batch_sizes: ints. Texts asked at once; all texts are asked with each.

    Raises:
        ExportError: if it does not answer.
    """
    module, user = "mtc_keras.export.saved_model.ask", "TensorFlow"
    if is_onnx(export):
        module, user = "mtc_keras.export.onnx.ask", "ONNX Runtime"
    with tempfile.TemporaryDirectory(prefix="mtc_keras_") as folder:
        questions, answers = Path(folder) / "questions.json", Path(folder) / "answers.npz"
        asked = {"texts": list(columns), "batch_sizes": batch_sizes}
        write_whole(questions, json_line(asked))
        asking = run_module(module, str(export), str(questions), str(answers))
        if asking.returncode:
            raise ExportError(
                f"the export cannot be used by {user}; it is removed", [last_line(asking)]
            )
        with np.load(answers) as found:
            return dict(found)


def run_module(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a module of this package in a process of the TensorFlow backend, on the CPU."""
    paths = [str(PACKAGE), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "-1",
        "KERAS_BACKEND": "tensorflow",
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    child = ["mtc_keras.export.child", str(os.getpid())]
    command = [sys.executable, "-m", *child, module, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def last_line(process: subprocess.CompletedProcess[str]) -> str:
    """Returns the last line that a process wrote to stderr: an error's message."""
    lines = process.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit code {process.returncode}"


def only(answers: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Returns the answers whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): values
        for name, values in answers.items()
        if name.startswith(prefix)
    }


def _difference(found: np.ndarray | None, expected: np.ndarray, rows: np.ndarray) -> float:
    """Returns the largest difference in some rows, `rows` being bool of shape `(N,)`."""
    if found is None or found.shape != expected.shape:
        return float("inf")
    differences = np.abs(found - expected) / np.maximum(np.abs(expected), 1)
    return float(np.nan_to_num(differences[rows], nan=np.inf).max(initial=0))


def _wrong_tokens(wrong: np.ndarray) -> str:
    return f"tokens: {wrong.sum()} of {len(wrong)} texts have other tokens than the model reads"


def _wrong_labels(
    model: "MultiTaskClassifier",
    probabilities: Mapping[str, np.ndarray],
    answers: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Returns a problem for each task whose labels are not those of its probabilities."""
    problems = []
    for task in model.tasks:
        decision = model.decisions.get(task.name)
        decided = [task.describe(row, decision) for row in probabilities[task.name]]
        answered = [row.get(task.name, {}) for row in answers]
        wrong = sum(_labels(a) != _labels(b) for a, b in zip(decided, answered, strict=True))
        if wrong:
            problems.append(f"{task.name}: {wrong} of {len(decided)} texts have another label")
    return problems


def _labels(description: Mapping[str, Any]) -> Any:
    return description.get("label"), description.get("labels")
