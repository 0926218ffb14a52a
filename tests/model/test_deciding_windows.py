"""Which window decided: its number, its tokens, and its place in the text."""

import numpy as np
import pytest

from mtc_keras import Multiclass, Multilabel, MultiTaskClassifier, Ordinal, Regression
from mtc_keras.data.text_places import character_spans
from tests.conftest import WORDS, tiny_bert

TASKS = [
    Multiclass(name="mood", classes=["bad", "good"], window_pooling="max"),
    Multilabel(name="topics", classes=["bus", "fee"], window_pooling="attention"),
    Ordinal(name="stars", classes=["1", "2", "3"], window_pooling="mean"),
    Regression(name="years", mean=3.0, scale=1.5, window_pooling="max"),
]


@pytest.fixture(scope="module")
def reader():
    backbone, preprocessor = tiny_bert(num_layers=1)
    return MultiTaskClassifier(
        backbone, TASKS, preprocessor, dropout=0.0, long_texts="windows", window_overlap=4
    )


def text(seed: int, count: int = 60) -> str:
    return "  ".join(np.random.default_rng(seed).choice(WORDS, size=count).tolist()) + " "


def test_the_window_named_alone_says_what_the_text_says(reader):
    texts = [text(1), "good", text(2), text(3, 20), ""]
    answers = reader.classify(texts, explain_window=True)
    plain = reader.classify(texts)
    windows = reader.tokenize(texts)
    logits = reader.predict_logits(windows.tokens)
    for row, (answer, without) in enumerate(zip(answers, plain, strict=True)):
        first, count = windows.offsets[row], windows.counts[row]
        for task in TASKS:
            window = answer[task.name].pop("window")
            assert window["of"] == count
            assert 1 <= window["number"] <= count
            own = logits[task.name][first : first + count]
            if task.name == "mood":
                best = task.classes.index(answer["mood"]["label"])
                assert window["number"] == 1 + own[:, best].argmax()
            if task.name == "years":  # on the side of the training mean where the text is
                side = np.sign(answer["years"]["value"] - 3.0)
                assert window["number"] == 1 + (side * own).argmax()
            start, end = window["characters"]
            # These characters by themselves are that window.
            alone = reader.tokenize([texts[row][start:end]])
            place = first + window["number"] - 1
            np.testing.assert_array_equal(
                alone.tokens.take(np.array([0]))["token_ids"],
                windows.tokens.take(np.array([place]))["token_ids"],
            )
        assert answer == without


def test_windows_without_their_texts_have_no_characters(reader):
    answer = reader.classify(reader.tokenize([text(1)]), explain_window=True)[0]["mood"]
    assert set(answer["window"]) == {"number", "of", "tokens"}
    start, end = answer["window"]["tokens"]
    assert 0 <= start < end <= 60


def test_characters_are_of_whole_words_and_left_out_where_words_do_not_add_up():
    _, preprocessor = tiny_bert()
    spans = np.array([0, 1]), np.array([1, 3])
    # A full stop is a token of its own in a word that is not known: [UNK] . [UNK].
    assert character_spans(preprocessor, " good bus.late fee", *spans) == [(1, 5), (6, 14)]
    assert character_spans(preprocessor, "go\0od bus fee", *spans) is None
    assert character_spans(preprocessor, "", np.array([0]), np.array([0])) == [(0, 0)]


def test_it_is_asked_of_windows_alone(reader, model):
    with pytest.raises(ValueError, match=r"explain_window needs texts"):
        model.classify(["good"], explain_window=True)
    with pytest.raises(ValueError, match=r"explain_window needs texts"):
        reader.classify(reader.tokenize(["good"]).tokens, explain_window=True)
