"""Asks an ONNX export, with ONNX Runtime and `tokenizers` alone.

Neither TensorFlow, Keras nor the rest of this package is imported.
`python -m mtc_keras.export.onnx.ask EXPORT QUESTIONS.json ANSWERS.npz` is how an export's self-test
asks it, in a process of its own.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import Encoding

MODEL = "model.onnx"
POOL = "pool.onnx"  # beside a model that reads windows
TOKENIZER = "tokenizer.json"
TEXT_OF_WINDOW = "text_of_window"
TEXTS_AT_ONCE = 32
LOT, CHARACTERS = 1_024, 2**20  # texts that are read at once, and characters of them
# A call costs about as much as so many more tokens on each core (MiniLM, 2 cores): to be no more
# than that wider than their own texts is what batches are cut for.
CALL = 8
LOGITS = "__logits"  # after a task's name: its logits of windows
# The inputs of backbones, as `tokenizers` names them.
COLUMNS = {"token_ids": "ids", "padding_mask": "attention_mask", "segment_ids": "type_ids"}


Texts = Sequence[str] | Sequence[tuple[str, str]]


def is_onnx(directory: Path) -> bool:
    """Whether a folder holds an ONNX export."""
    return (directory / MODEL).is_file()


class ServedOnnx:
    """A loaded ONNX export, on the CPU.

    Args:
        directory: the folder of the export.
        model: str. Another file of it that stands in for `model.onnx`.
    """

    def __init__(self, directory: str | Path, model: str = MODEL) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        folder = Path(directory)
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        padding = self._tokenizer.padding or {}
        self._padding = {
            "token_ids": padding.get("pad_id", 0),
            "padding_mask": 0,
            "segment_ids": padding.get("pad_type_id", 0),
        }
        self._tokenizer.no_padding()  # batches are made when the lengths are known

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _threads()

        def loaded(name: str) -> "onnxruntime.InferenceSession":
            return onnxruntime.InferenceSession(
                str(folder / name), options, providers=["CPUExecutionProvider"]
            )

        self._model = loaded(model)
        self._pool = loaded(POOL) if (folder / POOL).is_file() else None

    def read(self, texts: Texts) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Returns what the model reads of B texts, or text pairs.

        Args:
            texts: B strings, or pairs of strings.

        Returns:
            Its inputs, int32 of shape `(W, T)`, T tokens of the longest window, and the text of
            each window, int32 of shape `(W,)`. Of a model that reads no windows, a text is one.
        """
        windows, text_of_window = self._windows(texts)
        return self._inputs(windows), text_of_window

    def ask(self, texts: Texts, batch_size: int = 32) -> dict[str, np.ndarray]:
        """Returns each task's probabilities, or its numbers, for N ≥ 1 texts, or text pairs.

        Args:
            texts: N strings, or pairs of strings.
            batch_size: int. Texts, or windows of so many texts, asked at once.
        """
        answers = [
            self._ask_at_once(texts[start : start + batch_size], batch_size)
            for start in range(0, len(texts), batch_size)
        ]
        return _joined(answers)

    def answer(self, texts: Texts) -> dict[str, np.ndarray]:
        """Returns what `ask` does, in batches of so similar lengths that little of them is padding.

        Args:
            texts: N ≥ 1 strings, or pairs of strings.
        """
        return _joined([self._answer_lot(lot) for lot in _lots(texts)])

    def _answer_lot(self, texts: Texts) -> dict[str, np.ndarray]:
        windows, text_of_window = self._windows(texts)
        lengths = np.array([*map(len, windows)])
        order = np.argsort(-lengths, kind="stable")
        answers = [
            _run(self._model, self._inputs([windows[place] for place in order[start:stop]]))
            for start, stop in similar(lengths[order])
        ]
        back = np.argsort(order)
        found = {name: values[back] for name, values in _joined(answers).items()}
        if self._pool is None:
            return found
        return _run(self._pool, {TEXT_OF_WINDOW: text_of_window, **found})

    def _windows(self, texts: Texts) -> "tuple[list[Encoding], np.ndarray]":
        """Returns the W windows of texts, and the text of each, int32 of shape `(W,)`."""
        found = self._tokenizer.encode_batch_fast([_readable(text) for text in texts])
        windows = [[text, *text.overflowing] if self._pool else [text] for text in found]
        text_of_window = np.repeat(np.arange(len(texts), dtype="int32"), [*map(len, windows)])
        return [window for text in windows for window in text], text_of_window

    def _inputs(self, windows: "Sequence[Encoding]") -> dict[str, np.ndarray]:
        """Returns the model's inputs of windows, padded to the longest: int32 of shape `(W, T)`."""
        longest = max(1, *map(len, windows))
        inputs = {}
        for tensor in self._model.get_inputs():
            values = np.full((len(windows), longest), self._padding[tensor.name], "int32")
            for row, window in zip(values, windows, strict=True):
                row[: len(window)] = getattr(window, COLUMNS[tensor.name])
            inputs[tensor.name] = values
        return inputs

    def _ask_at_once(self, texts: Texts, batch_size: int) -> dict[str, np.ndarray]:
        inputs, text_of_window = self.read(texts)
        answers = [
            _run(self._model, {name: v[start : start + batch_size] for name, v in inputs.items()})
            for start in range(0, len(text_of_window), batch_size)
        ]
        found = _joined(answers)
        if self._pool is None:
            return found
        return _run(self._pool, {TEXT_OF_WINDOW: text_of_window, **found})


def _threads() -> int:
    """Returns the threads of ONNX Runtime, 0 for as many as it chooses.

    It counts the cores of the machine, and threads that wait for each other in turns on the same
    core are many times slower, where a process may use fewer.
    """
    return usable_cores() if usable_cores() < (os.cpu_count() or 1) else 0


def as_rows(columns: Sequence[Sequence[str]]) -> Texts:
    """Returns one column of texts, or the pairs of two."""
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


def usable_cores() -> int:
    """Returns the number of cores that this process may use."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    return len(os.sched_getaffinity(0))


def similar(lengths: np.ndarray, most_rows: int = TEXTS_AT_ONCE) -> Iterator[tuple[int, int]]:
    """Yields where batches begin and end, of rows so similar that little of them is padding.

    Args:
        lengths: int of shape `(N,)`, the tokens of the rows, descending.
        most_rows: int. Rows of a batch at most.
    """
    spare = CALL * usable_cores()
    start = padded = 0
    for row, length in enumerate(lengths.tolist()):
        padded += int(lengths[start]) - length
        if row - start == most_rows or padded > spare:
            yield start, row
            start, padded = row, 0
    yield start, len(lengths)


def _lots(texts: Texts) -> Iterator[Texts]:
    """Yields so few texts at once that their tokens need little memory."""
    start = characters = 0
    for row, text in enumerate(texts):
        length = len(text) if isinstance(text, str) else sum(map(len, text))
        full = row - start == LOT or characters + length > CHARACTERS
        if full and row > start:
            yield texts[start:row]
            start, characters = row, 0
        characters += length
    yield texts[start:]


def _readable(text: str | tuple[str, str]) -> str | tuple[str, ...]:
    # Lone surrogates, which JSON may hold, cannot be encoded.
    if isinstance(text, str):
        return text.encode("utf-8", "replace").decode("utf-8")
    return tuple(part.encode("utf-8", "replace").decode("utf-8") for part in text)


def _run(
    session: "onnxruntime.InferenceSession", inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    names = [tensor.name for tensor in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def _joined(answers: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}


def _tokens(served: ServedOnnx, texts: Texts) -> dict[str, np.ndarray]:
    """Returns the tokens of N texts, read a few at a time, as all are as wide as the longest."""
    parts = []
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        inputs, text_of_window = served.read(texts[start : start + TEXTS_AT_ONCE])
        real = inputs["padding_mask"].astype(bool)
        parts.append(
            {
                "tokens/ids": inputs["token_ids"][real],
                "tokens/lengths": real.sum(axis=1),
                "tokens/text_of_window": text_of_window + start,
            }
        )
    return _joined(parts)


def main(export: str, questions: str, answers: str) -> None:
    """Asks for texts in batches of each size that `questions` names, and for their tokens."""
    asked = json.loads(Path(questions).read_text(encoding="utf-8"))
    texts = as_rows(asked["texts"])
    served = ServedOnnx(export)
    found: dict[str, Any] = _tokens(served, texts)
    served.ask(texts[: max(asked["batch_sizes"])])  # the first time allocates memory
    for size in asked["batch_sizes"]:
        started = time.perf_counter()
        answered = served.ask(texts, size)
        found[f"{size}/seconds"] = np.array(time.perf_counter() - started)
        found |= {f"{size}/serving_default/{name}": values for name, values in answered.items()}
    np.savez(answers, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
