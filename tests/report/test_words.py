"""Words of examples are coloured if that is asked for, and no more of them than that."""

from dataclasses import replace

import pytest

from mtc_keras.model import explaining
from mtc_keras.model.explanation import Explanation, Word
from mtc_keras.pages import Page, write_page
from mtc_keras.report.examples import examples
from mtc_keras.report.words import HINT, coloured_words
from tests.report.accounts import account_of_rows
from tests.report.conftest import judged_rows

WANTED = [
    ("mood", 3, None),
    ("mood", 5, None),
    ("mood", 7, None),
    ("topics", 4, "fee"),
    ("stars", 6, None),
]


class Model:
    """Explains each text by its first word, and notes what it was asked."""

    def __init__(self):
        self.asked = []

    def explain(self, texts, task, label):
        self.asked.append((task, list(texts), label))
        return [{task: self.explanation(text, task)} for text in texts]

    def explanation(self, text, task):
        end = len(text.split()[0])
        return Explanation(
            text=text,
            task=task,
            label=None,
            logit=1.0,
            baseline_logit=0.0,
            words=(Word(text=text[:end], start=0, end=end, attribution=1.0),),
            completeness_gap=0.0,
            baseline="[MASK]",
            steps=8,
        )


@pytest.fixture
def account(monkeypatch):
    monkeypatch.setattr(explaining, "unexplainable", lambda model: None)
    model = Model()
    return account_of_rows(judged_rows(60), model=lambda: model, explained=4)


def test_each_task_has_its_turn(account):
    words, note = coloured_words(account, WANTED)
    assert list(words) == [WANTED[0], WANTED[1], WANTED[3], WANTED[4]]
    assert "In 4 examples words are coloured" in note
    texts = account.shown.texts[0]
    assert account.model().asked == [
        ("mood", [texts[3], texts[5]], None),
        ("topics", [texts[4]], ["fee"]),
        ("stars", [texts[6]], None),
    ]
    assert "".join(piece for piece, _ in words[WANTED[0]]) == texts[3]


def test_a_training_asks_for_none(account):
    assert coloured_words(replace(account, explained=0), WANTED) == ({}, HINT)
    assert account.model().asked == []


def test_a_model_that_cannot_be_explained_is_told(account, monkeypatch):
    monkeypatch.setattr(explaining, "unexplainable", lambda model: "needs texts")
    assert coloured_words(account, WANTED) == ({}, "Words are not coloured, as that needs texts.")


def test_coloured_words_stand_on_the_page(account, tmp_path):
    write_page(Page("A run", [], examples(account)), tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text()
    assert "In 4 examples words are coloured" in html
    assert html.count('style="--strength: 100%"') >= 4  # a mistake may be a label error, too
    assert "<script>alert" not in html
