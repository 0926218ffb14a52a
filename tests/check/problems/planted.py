"""Data sets without a fault, in which tests plant one, and what a check finds in them."""

import random
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from mtc_keras.check.checked import Checked
from mtc_keras.check.problems.kinds import KINDS, find
from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.config import check_config
from mtc_keras.data.reading import read_splits

MOODS = ("bad", "fine", "good")
TASKS = {"mood": {"kind": "multiclass"}, "topics": {"kind": "multilabel"}}
TOPICS = ("bus", "food", "work")
LETTERS = "abcdefghijklmnoprstuvwz"


def words(rng: random.Random, count: int) -> str:
    """Returns a text of invented words, unlike all others."""
    return " ".join("".join(rng.choices(LETTERS, k=rng.randint(3, 8))) for _ in range(count))


def clean_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Returns rows in which nothing is odd: all texts, and labels by turns."""
    rng = random.Random(seed)
    return [
        {
            "text": words(rng, rng.randint(8, 14)),
            "mood": MOODS[number % 3],
            "topics": [topic for topic in TOPICS if rng.random() < 0.4],
        }
        for number in range(count)
    ]


def splits(train: int = 240, validation: int = 60, test: int = 60) -> dict[str, list[dict]]:
    """Returns the rows of three splits in which nothing is odd."""
    sizes = {"train": train, "validation": validation, "test": test}
    return {name: clean_rows(size, seed) for seed, (name, size) in enumerate(sizes.items())}


def pool(
    rows: dict[str, list[dict]],
    tasks: dict[str, dict[str, Any]] | None = None,
    *,
    model: dict[str, Any] | None = None,
    **data: Any,
) -> Pooled:
    """Returns rows as a check reads them; a text has two tokens more than words."""
    tables = {"data": data, "tasks": TASKS if tasks is None else tasks, "model": model or {}}
    config = check_config(tables)
    frames = {name: pd.DataFrame(found, dtype=object) for name, found in rows.items()}
    checked = Checked(config, read_splits(config, frames))
    # In place of those of a tokenizer, which Keras would have to be imported for.
    checked.__dict__["lengths"] = {
        name: pd.Series([len(text.split()) + 2 for text in split.texts[0]]).to_numpy("int64")
        for name, split in checked.splits.items()
    }
    checked.__dict__["most_tokens"] = 512
    return Pooled(checked)


def found(pooled: Pooled, kinds: Sequence[Any] = KINDS) -> dict[str, Finding]:
    """Returns what is found, by name."""
    findings = find(pooled, kinds)
    by_name = {finding.name: finding for finding in findings}
    assert len(by_name) == len(findings), "each table has a name of its own"
    return by_name


def places(finding: Finding) -> list[str]:
    """Returns all places of a finding's table."""
    return [line["place"] for line in finding.table]


def where(pooled: Pooled, split: str, rows: Iterable[int]) -> list[str]:
    """Returns where rows of a split stand."""
    return [pooled.checked.splits[split].where[row] for row in rows]
