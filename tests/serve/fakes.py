"""An engine without a model: its answers follow from the texts, and it fails as it is told."""

import asyncio
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.config import DataConfig
from mtc_keras.model.explanation import Word
from mtc_keras.serve.limits import Limits
from mtc_keras.serve.occlusion import Attributions
from mtc_keras.serve.refusals import NoVersion
from mtc_keras.serve.served_model import Model
from mtc_keras.serve.versions import State, Version
from mtc_keras.serve.workers.pool import Answer
from mtc_keras.tasks import Decision, Multiclass, Multilabel, Ordinal, Regression, Task

NAME = "quickstart"


def tasks() -> list[Task]:
    return [
        Multiclass(name="mood", classes=["bad", "fine", "good"]),
        Multilabel(name="topics", classes=["bus", "fee", "form", "queue"]),
        Ordinal(name="stars", classes=["1", "2", "3"]),
        Regression(name="length", mean=3.0, scale=1.5),
    ]


def decisions(known: Sequence[Task]) -> dict[str, Decision]:
    return {
        task.name: Decision(
            task.known_classes if task.has_classes and not task.is_exclusive else (),
            thresholds={"bus": 0.7, "fee": 0.2} if task.name == "topics" else None,
        )
        for task in known
        if task.has_probabilities
    }


class FakeEngine:
    """Answers as an engine does, from the bytes of each text.

    Attributes:
        raises: optional error that `predict` raises.
        seconds: how long `predict` takes.
        asked: what it was asked, in order.
        cancelled: requests that were cancelled while they waited.
    """

    def __init__(
        self,
        *,
        pairs: bool = False,
        limits: Limits | None = None,
        known: Sequence[Task] | None = None,
        format: str = "onnx",
    ) -> None:
        self.name, self.limits = NAME, limits or Limits()
        self.path = Path("/srv/exports/quickstart")
        self.tasks = list(tasks() if known is None else known)
        self.decisions = decisions(self.tasks)
        self.pairs, self.format = pairs, format
        self.raises: Exception | None = None
        self.seconds = 0.0
        self.asked: list[Any] = []
        self.cancelled = 0
        self.is_ready = True
        self.number = 3
        self.versions = [
            Version(3, State.AVAILABLE),
            Version(2, State.FAILED, "/srv/exports/quickstart/2 is damaged"),
        ]

    def model(self, version: int | None = None) -> Model:
        if not self.is_ready or version not in (None, self.number):
            raise NoVersion("there is no such version")
        return Model(
            name=self.name,
            version=self.number,
            path=self.path / str(self.number),
            format=self.format,
            tasks=self.tasks,
            decisions=self.decisions,
            data=DataConfig(text=["question", "answer"] if self.pairs else "comment"),
            max_length=128,
            cuts=True,
            limits=self.limits,
        )

    async def predict(self, texts, *, version: int | None = None, raw: bool = False) -> Answer:
        self.asked.append((texts, version, raw))
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.raises is not None:
            raise self.raises
        return Answer(self.probabilities(texts), self.number, 7 * len(texts[0]))

    async def explain(self, texts, task: str, label=None, *, version=None) -> Attributions:
        await asyncio.sleep(self.seconds)
        if self.raises is not None:
            raise self.raises
        found = tuple(
            Word(word, 0, len(word), 0.25, segment)
            for segment, text in enumerate(texts)
            for word in text.split()
        )
        return Attributions(task, label or "good", 0.5, found, False)

    def probabilities(self, texts) -> dict[str, np.ndarray]:
        """Returns what `predict` answers, float32 of shape `(N, C)` or `(N,)` by task."""
        rows = [zlib.crc32("\0".join(row).encode()) for row in zip(*texts, strict=True)]
        found = {}
        for task in self.tasks:
            width = len(task.shown_classes) if task.has_probabilities else 1
            values = np.stack([np.random.default_rng(row).random(width) for row in rows])
            if task.is_exclusive:
                values /= values.sum(axis=1, keepdims=True)
            found[task.name] = (values if task.has_probabilities else values[:, 0]).astype("f4")
        return found
