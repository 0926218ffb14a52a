"""Judged rows of every kind, some labels of them missing, without a training."""

import numpy as np
import pytest

from mtc_keras.report.judged import Judged
from mtc_keras.tasks import Decision, Multiclass, Multilabel, Ordinal, Regression

TEXTS = ["the clerk was kind", "the bus was late", "<script>alert(1)</script>", "$x^2$ & more"]


def judged_rows(
    count: int = 60, seed: int = 0, name: str = "test", *, texts: bool = True
) -> Judged:
    """Returns rows whose predictions are better than chance and far from right."""
    random = np.random.default_rng(seed)
    tasks = (
        Multiclass(name="mood", classes=["bad", "<script>", "good"]),
        Multilabel(name="topics", classes=["bus", "fee", "form", "queue"]),
        Ordinal(name="grade", classes=["low", "middle", "high"]),
        Regression(name="stars", mean=3.0, scale=1.5),
    )
    mood, grade = random.integers(3, size=count), random.integers(3, size=count)
    topics = (random.random((count, 4)) < 0.3).astype("float32")
    stars = random.normal(3, 1.5, count).astype("float32")
    noise = random.normal(size=(count, 3)).astype("float32")
    targets = {
        "mood": np.where(random.random(count) < 0.2, -1, mood).astype("int32"),
        "topics": np.where(random.random((count, 4)) < 0.1, np.nan, topics).astype("float32"),
        "grade": np.where(random.random(count) < 0.2, -1, grade).astype("int32"),
        "stars": np.where(random.random(count) < 0.2, np.nan, stars).astype("float32"),
    }
    logits = {
        "mood": 2 * np.eye(3, dtype="float32")[mood] + noise,
        "topics": 3 * topics - 2 + random.normal(size=(count, 4)).astype("float32"),
        "grade": 3 * (grade[:, None] > np.arange(2)).astype("float32") - 1.5 + noise[:, :2],
        "stars": stars + noise[:, 2],
    }
    return Judged(
        name=name,
        tasks=tasks,
        decisions={
            "mood": Decision(temperature=1.7),
            "topics": tasks[1].decision(temperature=0.8, thresholds={"bus": 0.3, "fee": 0.7}),
            "grade": Decision(temperature=2.0),
        },
        targets=targets,
        logits=logits,
        where=[f"{name}.jsonl:{row + 1}" for row in range(count)],
        lengths=random.integers(3, 30, size=count),
        max_length=16,
        texts=([TEXTS[row % len(TEXTS)] + f" {row}" for row in range(count)],) if texts else None,
        slices={"region": [["north", "south", None][row % 3] for row in range(count)]},
    )


@pytest.fixture(scope="session")
def judged() -> Judged:
    return judged_rows()
