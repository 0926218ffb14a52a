"""A page opened in a browser whose server is a function: what it answers, and what was asked."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from mtc_keras.config import DataConfig
from mtc_keras.serve.http.description import describe
from mtc_keras.serve.page.rendering import HEADERS, page_html
from mtc_keras.tasks import Decision, Multiclass, Multilabel, Ordinal, Regression, Task
from mtc_keras.tasks.predictions import Shown, prediction_columns

ADDRESS = "http://model.test/"
LIMITS = SimpleNamespace(max_texts=8, max_characters=500, max_body_bytes=4096, timeout=2.5)
TASKS = [
    Multiclass(
        name="mood",
        classes=["S1", "S2", "S3"],
        class_names={"S1": "negative", "S2": "neutral", "S3": "positive"},
    ),
    Multilabel(name="topics", classes=["bus", "fee", "form", "queue"]),
    Ordinal(name="stars", classes=["1", "2", "3", "4", "5"]),
    Regression(name="waiting", mean=30.0, scale=10.0),
]
THRESHOLDS = {"bus": 0.3, "fee": 0.62, "form": 0.5, "queue": 0.8}


@dataclass
class FakeServer:
    """Answers as our server does, with probabilities that follow from the length of a text.

    Args:
        tasks: its tasks.
        text: its text columns.
        refuse: from an action and its question to a refusal's status, JSON and headers, or `None`.
    """

    tasks: list[Task] = field(default_factory=lambda: list(TASKS))
    text: str | list[str] = "text"
    name: str = "tiny"
    version: int = 3
    refuse: Callable[[str, Any], tuple[int, Any, Mapping[str, str]] | None] = lambda *_: None
    asked: list[tuple[str, Any]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    held: list[Any] = field(default_factory=list)  # requests that are never answered
    hold: str = ""  # the action to which they belong

    @property
    def decisions(self) -> dict[str, Decision]:
        return {
            task.name: task.decision(thresholds=THRESHOLDS)
            if THRESHOLDS.keys() <= set(task.known_classes)
            else task.decision()
            for task in self.tasks
            if task.has_probabilities
        }

    def handle(self, route: Any) -> None:
        request = route.request
        address = request.url.removeprefix(ADDRESS)
        if address == "":
            route.fulfill(
                body=page_html(self.name), content_type="text/html; charset=utf-8", headers=HEADERS
            )
            return
        assert address.startswith(f"v1/models/{self.name}"), address
        action = address.removeprefix(f"v1/models/{self.name}")[1:]
        question = json.loads(request.post_data) if request.post_data else None
        self.asked.append((action, question))
        self.tokens.append(request.headers.get("authorization"))
        if action == self.hold:
            self.held.append(route)
            return
        refused = self.refuse(action, question)
        status, answer, headers = refused or (200, getattr(self, action)(question), {})
        body = answer if isinstance(answer, str) else json.dumps(answer)
        route.fulfill(status=status, body=body, headers=headers, content_type="application/json")

    def describe(self, question: Any) -> dict[str, Any]:
        data = DataConfig(text=self.text)
        about = {"format": "onnx", "max_length": 64, "limits": LIMITS, "data": data}
        return describe(
            SimpleNamespace(
                name=self.name,
                version=self.version,
                tasks=self.tasks,
                decisions=self.decisions,
                **about,
            )
        )

    def classify(self, question: Any) -> dict[str, Any]:
        texts = question["texts"]
        found = {task.name: self.probabilities(task, texts) for task in self.tasks}
        shown = Shown(tuple(question["columns"]))
        columns = prediction_columns(self.tasks, found, self.decisions, shown)
        predictions = [
            {name: cells[row] for name, cells in columns.items()} for row in range(len(texts))
        ]
        return {
            "model_name": self.name,
            "model_version": str(self.version),
            "predictions": predictions,
        }

    def probabilities(self, task: Task, texts: list[Any]) -> np.ndarray:
        lengths = np.array([len("".join(text)) for text in texts], "float32")
        if not task.has_probabilities:
            return lengths
        places = np.arange(len(task.known_classes))
        logits = np.sin(lengths[:, None] + 1.7 * places).astype("float32")  # (N, C)
        if task.is_exclusive:
            shares = np.exp(2 * logits)
            return (shares / shares.sum(axis=1, keepdims=True)).astype("float32")
        return 1 / (1 + np.exp(-3 * logits))

    def explain(self, question: Any) -> dict[str, Any]:
        texts = question["text"]
        texts = [texts] if isinstance(texts, str) else texts
        words = []
        for segment, text in enumerate(texts):
            place = 0
            for number, word in enumerate(text.split(" ")):
                end = place + len(word)
                worth = (-1) ** number * 0.4 / (number + 1) if number < 20 else None
                words.append(
                    {
                        "text": word,
                        "start": place,
                        "end": end,
                        "segment": segment,
                        "attribution": worth,
                    }
                )
                place = end + 1
        return {
            "task": question["task"],
            "label": question["label"],
            "words": words,
            "is_grouped": False,
        }


@contextlib.contextmanager
def tried(browser: Any, server: FakeServer, width: int = 1280, **options: Any) -> Iterator[Any]:
    """Opens the page of a server; fails if it says something or asks anyone else.

    That a request was refused the browser says by itself.
    """
    options.setdefault("reduced_motion", "reduce")  # else a click waits for the end of scrolling
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    heard: list[str] = []
    context.route("**/*", server.handle)
    page = context.new_page()
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (heard.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("console", lambda message: heard.append(f"console: {message.text}"))
    page.on(
        "request",
        lambda sent: (
            sent.url.startswith((ADDRESS, f"blob:{ADDRESS}"))
            or heard.append(f"request: {sent.url}")
        ),
    )
    page.goto(ADDRESS)
    page.wait_for_selector("#predict:visible, #problem > p")
    yield page
    assert [said for said in heard if "Failed to load resource" not in said] == []
    context.close()


def predict(page: Any, text: str) -> None:
    """Types a text, or lines, into the first box and waits for the answer."""
    page.locator("textarea").first.fill(text)
    page.get_by_role("button", name="Predict").click()
    page.wait_for_selector("#status:not(:text('Asking'))")
    page.wait_for_selector("#answers:not([aria-busy])")


def card(page: Any, task: str) -> Any:
    """The section of a task."""
    return page.locator("section.task").filter(has=page.locator("h3", has_text=task))
