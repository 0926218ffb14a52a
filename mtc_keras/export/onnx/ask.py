"""Asks an ONNX export, with ONNX Runtime and `tokenizers` alone.

Neither TensorFlow, Keras nor the rest of this package is imported.
`python -m mtc_keras.export.onnx.ask EXPORT QUESTIONS.json ANSWERS.npz` is how an export's self-test
asks it, in a process of its own.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"
# The inputs of backbones, as `tokenizers` names them.
COLUMNS = {"token_ids": "ids", "padding_mask": "attention_mask", "segment_ids": "type_ids"}


def is_onnx(directory: Path) -> bool:
    """Whether a folder holds an ONNX export."""
    return (directory / MODEL).is_file()


class ServedOnnx:
    """A loaded ONNX export, on the CPU.

    Args:
        directory: the folder of the export.
    """

    def __init__(self, directory: str | Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(Path(directory) / TOKENIZER))
        self._session = onnxruntime.InferenceSession(
            str(Path(directory) / MODEL), providers=["CPUExecutionProvider"]
        )

    def read(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """Returns the inputs of B texts, int32 of shape `(B, T)`, T tokens of the longest."""
        # Lone surrogates, which JSON may hold, cannot be encoded.
        readable = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        found = self._tokenizer.encode_batch(readable)
        return {
            tensor.name: np.array([getattr(text, COLUMNS[tensor.name]) for text in found], "int32")
            for tensor in self._session.get_inputs()
        }

    def ask(self, texts: Sequence[str], batch_size: int = 32) -> dict[str, np.ndarray]:
        """Returns each task's probabilities, or its numbers, for N ≥ 1 texts.

        Args:
            texts: N strings.
            batch_size: int. Texts asked at once.
        """
        names = [tensor.name for tensor in self._session.get_outputs()]
        answers = [
            self._session.run(names, self.read(texts[start : start + batch_size]))
            for start in range(0, len(texts), batch_size)
        ]
        joined = [np.concatenate(parts) for parts in zip(*answers, strict=True)]
        return dict(zip(names, joined, strict=True))


def main(export: str, questions: str, answers: str) -> None:
    """Asks for texts in batches of each size that `questions` names, and for their tokens."""
    asked = json.loads(Path(questions).read_text(encoding="utf-8"))
    [texts] = asked["texts"]
    served = ServedOnnx(export)
    inputs = served.read(texts)
    real = inputs["padding_mask"].astype(bool)
    found = {"tokens/ids": inputs["token_ids"][real], "tokens/lengths": real.sum(axis=1)}
    served.ask(texts[: max(asked["batch_sizes"])])  # the first time allocates memory
    for size in asked["batch_sizes"]:
        started = time.perf_counter()
        answered = served.ask(texts, size)
        found[f"{size}/seconds"] = np.array(time.perf_counter() - started)
        found |= {f"{size}/serving_default/{name}": values for name, values in answered.items()}
    np.savez(answers, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
