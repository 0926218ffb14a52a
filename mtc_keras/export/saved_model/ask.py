"""Asks an exported SavedModel, with TensorFlow and TensorFlow Text alone.

Neither JAX nor the rest of this package is imported, and Keras only by TensorFlow Text, for
layers of its own: what answers here answers in TensorFlow Serving, too.
`python -m mtc_keras.export.saved_model.ask EXPORT QUESTIONS.json ANSWERS.npz` is how an export's
self-test asks it, in a process of its own.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

INPUTS = ("text", "text_pair")


class Served:
    """A loaded export.

    Args:
        directory: a version folder of an export, such as `exports/x/1`.
    """

    def __init__(self, directory: str | Path) -> None:
        import tensorflow as tf
        import tensorflow_text  # noqa: F401  registers its operations

        # The signatures alone would not keep their variables alive.
        self._model = tf.saved_model.load(str(directory))

    def ask(
        self, signature: str, texts: Sequence[Sequence[str]], batch_size: int = 32
    ) -> dict[str, np.ndarray]:
        """Returns a signature's answers for texts.

        Args:
            signature: `"serving_default"` or `"classify"`.
            texts: one sequence of N strings, or two for text pairs.
            batch_size: int. Texts asked at once.

        Returns:
            dict from the name of an output to an array of N rows; class names as bytes.
        """
        answers = list(self._answers(signature, texts, batch_size))
        return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}

    def read(self, texts: Sequence[Sequence[str]]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns the tokens of whole texts, special tokens left out.

        Args:
            texts: one sequence of N strings, or two for text pairs.

        Returns:
            For each sequence the token ids of all its texts, int32 of shape `(M,)`, and where
            each text begins among them, and the last one ends: int64 of shape `(N + 1,)`.
        """
        found = self._model.whole_texts(*map(_strings, texts))
        return [(tokens.flat_values.numpy(), tokens.row_splits.numpy()) for tokens in found]

    def _answers(
        self, signature: str, texts: Sequence[Sequence[str]], batch_size: int
    ) -> Iterator[dict[str, np.ndarray]]:
        ask = self._model.signatures[signature]
        for start in range(0, max(len(texts[0]), 1), batch_size):
            columns = {
                name: _strings(column[start : start + batch_size])
                for name, column in zip(INPUTS, texts, strict=False)
            }
            yield {name: answer.numpy() for name, answer in ask(**columns).items()}


def _strings(texts: Sequence[str]) -> Any:
    import tensorflow as tf

    # Lone surrogates, which JSON may hold, cannot be encoded.
    return tf.constant([text.encode("utf-8", "replace") for text in texts], tf.string)


def described(answers: Mapping[str, np.ndarray]) -> list[dict[str, dict[str, Any]]]:
    """Returns the answers of `classify` as `MultiTaskClassifier.classify` does.

    Args:
        answers: what `Served.ask("classify", …)` returned for N texts.

    Returns:
        For each text a dict from task to its label or labels and probabilities, or its value.
    """
    columns: dict[str, dict[str, np.ndarray]] = {}
    for name, values in answers.items():
        task, _, key = name.rpartition("__")
        columns.setdefault(task, {})[key] = values
    rows = len(next(iter(answers.values())))
    return [
        {
            task: _described({key: values[row] for key, values in of_task.items()})
            for task, of_task in columns.items()
        }
        for row in range(rows)
    ]


def _described(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Returns one row's answer for one task; its form shows its kind."""
    if "value" in answer:
        return {"value": float(answer["value"])}
    if "selected" not in answer:
        return {"label": answer["labels"].decode(), "probability": float(answer["probability"])}
    names = [name.decode() for name in answer["labels"].tolist()]
    return {
        "labels": [names[index] for index in np.flatnonzero(answer["selected"])],
        "probabilities": dict(zip(names, answer["probability"].tolist(), strict=True)),
    }


def main(export: str, questions: str, answers: str) -> None:
    """Asks for texts in batches of each size that `questions` names, and for their tokens."""
    asked = json.loads(Path(questions).read_text(encoding="utf-8"))
    served = Served(export)
    found = {
        f"{size}/{signature}/{name}": values
        for size in asked["batch_sizes"]
        for signature in ("serving_default", "classify")
        for name, values in served.ask(signature, asked["texts"], size).items()
    }
    for name, (ids, offsets) in zip(INPUTS, served.read(asked["texts"]), strict=False):
        found |= {f"tokens/{name}/ids": ids, f"tokens/{name}/offsets": offsets}
    # Class names of a fixed width, as arrays of objects would need pickle.
    plain: dict[str, Any] = {
        name: values.astype("S") if values.dtype == object else values
        for name, values in found.items()
    }
    np.savez(answers, **plain)


if __name__ == "__main__":
    main(*sys.argv[1:])
