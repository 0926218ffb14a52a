"""Requests of every protocol with how their answers are read, and requests that are wrong."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.conftest import WORDS

NAME = "moods"
PREDICT = f"/v1/models/{NAME}:predict"
INFER = f"/v2/models/{NAME}/infer"
TEXTS = 400
LENGTHS = (0, 1, 3, 8, 8, 20, 20, 60, 298)  # words, beside two that make each text another
MOST_TEXTS = 12  # of a request
LABEL = "predicted_"
CLASSIFY = f"/v1/models/{NAME}:classify"
Found = Mapping[str, np.ndarray]  # from a task to its numbers for the texts of a request


@dataclass(frozen=True)
class Read:
    """What an answer says.

    Args:
        numbers: the probabilities, or the values, of its texts.
        version: the version that it names, if it names one.
        labels: dict from task to the label of each text, if it has labels.
    """

    numbers: Found
    version: int | None = None
    labels: Mapping[str, list[Any]] | None = None


@dataclass(frozen=True)
class Question:
    """A request.

    Args:
        path: where it goes.
        body: what is sent.
        rows: the places of its texts among all texts; none of a request that is wrong.
        read: how its answer is read.
        method: HTTP's.
    """

    path: str
    body: bytes
    rows: tuple[int, ...] = ()
    read: Callable[[dict[str, Any]], Read] | None = None
    method: str = "POST"


def all_texts() -> list[str]:
    """Returns texts of 2 to 300 words, no two alike; those of more than 256 tokens are cut."""
    chosen = random.Random(0)
    return [
        " ".join([WORDS[n % len(WORDS)], str(n), *chosen.choices(WORDS, k=chosen.choice(LENGTHS))])
        for n in range(TEXTS)
    ]


def question(texts: list[str], number: int) -> Question:
    """Returns the request of a number; of every ten, one is wrong."""
    chosen = random.Random(number)
    if number % 10 == 9:
        return WRONG[number // 10 % len(WRONG)]
    rows = tuple(chosen.sample(range(len(texts)), k=chosen.randint(1, MOST_TEXTS)))
    path, body_of, read = chosen.choice(FORMS)
    body = json.dumps(body_of([texts[row] for row in rows])).encode()
    return Question(path, body, rows, read)


def _rows(answer: dict[str, Any]) -> Read:
    predictions = answer["predictions"]
    return Read({task: np.array([row[task] for row in predictions]) for task in predictions[0]})


def _columns(answer: dict[str, Any]) -> Read:
    return Read({task: np.array(values) for task, values in answer["outputs"].items()})


def _tensors(answer: dict[str, Any]) -> Read:
    numbers = {
        tensor["name"]: np.array(tensor["data"]).reshape(tensor["shape"])
        for tensor in answer["outputs"]
    }
    return Read(numbers, int(answer["model_version"]))


def _labelled(answer: dict[str, Any]) -> Read:
    rows = answer["predictions"]
    tasks = [key.removeprefix(LABEL) for key in rows[0] if key.startswith(LABEL)]
    numbers, labels = {}, {}
    for task in tasks:
        cells = [row.get(f"{task}_probabilities") for row in rows]
        given = [row[f"{LABEL}{task}"] for row in rows]
        if cells[0] is None:  # a number, which is its own label
            numbers[task] = np.array(given)
        else:
            numbers[task] = np.array([list(cell.values()) for cell in cells])
            labels[task] = given
    return Read(numbers, int(answer["model_version"]), labels)


def _tensor(texts: list[str]) -> dict[str, Any]:
    tensor = {"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": texts}
    return {"id": "x", "inputs": [tensor]}


FORMS: list[tuple[str, Callable[[list[str]], dict[str, Any]], Callable[[dict[str, Any]], Read]]] = [
    (PREDICT, lambda texts: {"instances": texts}, _rows),
    (PREDICT, lambda texts: {"instances": [{"text": text} for text in texts]}, _rows),
    (PREDICT, lambda texts: {"inputs": {"text": texts}}, _columns),
    (INFER, _tensor, _tensors),
    (CLASSIFY, lambda texts: {"texts": texts}, _labelled),
]
WRONG = [
    Question(PREDICT, b'{"instances": ["cut of'),
    Question(PREDICT, b'{"instances": ["good", 3]}'),
    Question(PREDICT, b'{"instances": "good"}'),
    Question(PREDICT, b"\xff\xfe"),
    Question(PREDICT, json.dumps({"instances": ["good", "x" * 100_001]}).encode()),
    Question(PREDICT, json.dumps({"instances": ["good"] * 1_025}).encode()),
    Question(PREDICT, b'{"instances": ["good", "a lone \\ud800"]}'),
    Question(PREDICT, b'{"instances": ["good", "a \\u0000 within"]}'),
    Question(f"/v1/models/{NAME}/versions/99:predict", b'{"instances": ["good"]}'),
    Question("/v1/models/nobody:predict", b'{"instances": ["good"]}'),
    Question(PREDICT, b"", method="GET"),
    Question(INFER, b'{"inputs": [{"name": "text"}]}'),
]
