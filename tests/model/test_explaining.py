"""What words contribute: they add up, name what decides, and stand where they are in the text."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from mtc_keras import Multiclass, Multilabel, MultiTaskClassifier, Ordinal, Regression
from mtc_keras.model import integrated_gradients
from mtc_keras.model.explaining import LEAST_GAP
from mtc_keras.model.path_integrals import TOLERANCE
from tests.conftest import VOCABULARY, WORDS, rows, tiny_bert
from tests.fuzzing import tries

TASKS = [
    Multiclass(name="mood", classes=["bad", "fine", "good"], class_names={"good": "Good!"}),
    Multilabel(name="topics", classes=["bus", "fee", "form", "queue"]),
    Ordinal(name="grade", classes=["0", "1", "2", "3"]),
    Regression(name="length", mean=6.0, scale=3.0),
]


@pytest.fixture(scope="module")
def model():
    """A model whose labels follow from the words of their texts, and so its answers."""
    model = classifier()
    model.compile(keras.optimizers.Adam(0.01))
    frame = rows(256)
    frame["grade"] = [str(min(int(length) // 3, 3)) for length in frame["length"]]
    targets = {task.name: task.encode(frame[task.name].tolist())[0] for task in TASKS}
    model.fit(frame["text"].tolist(), targets, batch_size=32, epochs=25, verbose=0)
    return model


def classifier(like=None, dtype=None, **options):
    """Returns a classifier, with the weights of another."""
    backbone, preprocessor = tiny_bert(
        VOCABULARY, num_layers=1, hidden_dim=16, max_sequence_length=64, dtype=dtype
    )
    found = MultiTaskClassifier(backbone, TASKS, preprocessor, dropout=0.0, **options)
    if like is not None:
        found.set_weights(like.get_weights())
    return found


def check(explanation, text):
    """Checks that the words stand in the text, and that what they contribute adds up."""
    texts = (text,) if isinstance(text, str) else text
    assert explanation.text == text
    for word in explanation.words:
        assert texts[word.segment][word.start : word.end] == word.text
    assert "".join(piece for piece, _ in explanation.pieces()) == "\n".join(texts)
    total = sum(word.attribution or 0.0 for word in explanation.words)
    difference = explanation.logit - explanation.baseline_logit
    assert total + explanation.completeness_gap == pytest.approx(difference, abs=1e-5)
    unit = 3.0 if explanation.task == "length" else 1.0
    assert abs(difference - total) <= max(TOLERANCE * abs(difference), LEAST_GAP * unit) + 1e-6


def test_attributions_of_every_kind_add_up_to_the_difference_of_the_logits(model):
    texts = ["good  bus, late!", "", " bad ", " ".join(WORDS), "kind clerk 12.5 fee"]
    found = model.explain(texts)
    logits = model.predict_logits(texts)
    for row, (text, by_task) in enumerate(zip(texts, found, strict=True)):
        assert list(by_task) == [task.name for task in TASKS]
        for explanation in by_task.values():
            check(explanation, text)
        best = int(logits["mood"][row].argmax())
        assert by_task["mood"].label == ["bad", "fine", "Good!"][best]
        assert by_task["mood"].logit == pytest.approx(float(logits["mood"][row, best]), abs=1e-4)
        assert by_task["length"].logit == pytest.approx(float(logits["length"][row]), abs=1e-4)
        assert by_task["grade"].label is by_task["length"].label is None
        above = np.cumprod(1 / (1 + np.exp(-logits["grade"][row].astype("float64"))))
        assert by_task["grade"].logit == pytest.approx(above.sum(), abs=1e-4)
        assert {explanation.baseline for explanation in by_task.values()} == {"pad"}


def test_the_word_that_decides_has_the_greatest_attribution_and_others_next_to_none(model):
    texts = ["clerk good office", "clerk office bad", "office queue clerk"]
    moods = [found["mood"] for found in model.explain(texts, "mood", ["good", "bad", "fine"])]
    topics = [found["topics"] for found in model.explain(texts, "topics", "queue")]
    tops = [explanation.top(1)[0].text for explanation in (*moods[:2], topics[2])]
    assert tops == ["good", "bad", "queue"]
    weights = {word.text: word.attribution for word in topics[2].words}
    assert max(abs(weights["office"]), abs(weights["clerk"])) < 0.5 * weights["queue"]
    # What speaks for one class speaks against another.
    [for_bad] = model.explain(texts[:1], task="mood", label="bad")
    assert {w.text: w.attribution for w in for_bad["mood"].words}["good"] < 0


def test_attributions_are_of_the_weights_and_not_of_the_texts_alone(model):
    """The check of Adebayo et al. 2018 (arXiv 1810.03292): other weights, other explanations."""
    texts = [" ".join(words) for words in np.random.default_rng(0).choice(WORDS, (24, 8))]

    def attributions():
        found = model.explain(texts, "mood", "good")
        return np.array([[word.attribution for word in row["mood"].words] for row in found])

    trained = model.get_weights()
    of_trained = attributions()
    try:
        random = np.random.default_rng(1)
        model.set_weights([random.permutation(w.reshape(-1)).reshape(w.shape) for w in trained])
        of_others = attributions()
    finally:
        model.set_weights(trained)
    np.testing.assert_array_equal(attributions(), of_trained)
    alike = [spearmanr(a, b).statistic for a, b in zip(of_trained, of_others, strict=True)]
    assert abs(np.mean(alike)) < 0.3


def test_labels_are_one_for_all_texts_or_one_for_each_as_known_or_as_shown(model):
    texts = ["good clerk", "bad office"]
    predicted = TASKS[0].shown_classes[int(model.predict_logits(texts)["mood"][0].argmax())]
    for label, wanted in [
        ("bad", ["bad", "bad"]),
        ("good", ["Good!", "Good!"]),
        (["Good!", "fine"], ["Good!", "fine"]),
        ([None, "fine"], [predicted, "fine"]),
    ]:
        found = model.explain(texts, "mood", label)
        assert [by_task["mood"].label for by_task in found] == wanted


def test_what_is_asked_wrongly_is_refused_with_what_is_right(model):
    for arguments, message in [
        ({"task": "mod"}, r"task must be one of .*'mood'.* Did you mean 'mood'\?"),
        ({"label": "good"}, "label is a class of one task"),
        ({"task": "mood", "label": "god"}, r"Received: label='god'\. Did you mean 'good'\?"),
        ({"task": "mood", "label": ["good"]}, "one for each of 2 texts, not 1"),
        ({"task": "mood", "label": 3}, "label must be the name of a class, .* Received: label=3"),
        ({"task": "grade", "label": "1"}, "task 'grade' is explained as a number"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.explain(["a", "b"], **arguments)
    assert model.explain([]) == []


def test_words_beyond_what_is_read_are_marked_as_not_read(model):
    text = " ".join(WORDS) + " " + " ".join(WORDS)  # 30 words, 14 of which are read
    [found] = model.explain([text], task="mood")
    check(found["mood"], text)
    read = [word.attribution is not None for word in found["mood"].words]
    assert read == [True] * 14 + [False] * 16


@pytest.mark.parametrize("long_texts", ["head_tail", "windows"])
def test_long_texts_are_explained_as_they_are_read(model, long_texts):
    overlap = {"window_overlap": 4} if long_texts == "windows" else {}
    model = classifier(model, long_texts=long_texts, **overlap)
    texts = [" ".join(WORDS * 3), "good bus", " ".join(WORDS * 2)]
    logits = model.predict_logits(texts)
    for row, by_task in enumerate(model.explain(texts)):
        for explanation in by_task.values():
            check(explanation, texts[row])
        # That of all windows together.
        assert by_task["mood"].logit == pytest.approx(logits["mood"][row].max(), abs=1e-4)
        count = len(texts[row].split())
        read = [word.attribution is not None for word in by_task["mood"].words]
        if long_texts == "windows" or count <= 14:
            assert read == [True] * count
        else:  # a quarter of 14 from the beginning, the rest from the end
            assert read == [True] * 3 + [False] * (count - 14) + [True] * 11


def test_few_activations_in_memory_change_nothing(model, monkeypatch):
    texts = ["good bus", " ".join(WORDS * 2)]
    options = {"long_texts": "windows", "window_overlap": 4}
    at_once, again = classifier(model, **options), classifier(model, **options)
    wanted = at_once.explain(texts, "mood")
    # Point by point, and of the text in windows window by window.
    monkeypatch.setattr(integrated_gradients, "MOST_ON_CPU", 24)
    found = again.explain(texts, "mood")
    for by_task, same in zip(found, wanted, strict=True):
        for word, other in zip(by_task["mood"].words, same["mood"].words, strict=True):
            assert word.attribution == pytest.approx(other.attribution, abs=1e-4)


def test_both_texts_of_a_pair_are_explained(model):
    pairs = (["good bus", " ".join(WORDS)], ["late", "bad " * 12])
    for row, by_task in enumerate(model.explain(pairs, "mood")):
        check(by_task["mood"], (pairs[0][row], pairs[1][row]))
        assert {word.segment for word in by_task["mood"].words} == {0, 1}


def test_a_prefix_is_no_word_and_stands_in_the_baseline_too(model):
    prefixed = classifier(model, prefix="fee: ")
    [found] = prefixed.explain(["good queue"], "mood", "good")
    check(found["mood"], "good queue")
    assert [word.text for word in found["mood"].words] == ["good", "queue"]
    [whole] = model.explain(["fee: good queue"], "mood", "good")
    assert found["mood"].logit == pytest.approx(whole["mood"].logit, abs=1e-5)
    assert found["mood"].baseline_logit != pytest.approx(whole["mood"].baseline_logit, abs=1e-3)


def test_a_model_of_low_precision_is_explained_in_float32_and_left_as_it_is(model):
    low = classifier(model, dtype="mixed_bfloat16")
    text = "good queue, late"
    before = [layer.dtype_policy.name for layer in low.backbone.layers]
    assert "mixed_bfloat16" in before
    [found], [wanted] = low.explain([text]), model.explain([text])
    for name, explanation in found.items():
        check(explanation, text)
        assert explanation.logit == pytest.approx(wanted[name].logit, abs=1e-3)
    assert [layer.dtype_policy.name for layer in low.backbone.layers] == before


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_what_cannot_be_explained_is_refused(model, monkeypatch):
    model = classifier(model)
    monkeypatch.setattr(model.backbone, "_token_embedding", None)
    with pytest.raises(ValueError, match="BertBackbone has no token_embedding"):
        model.explain(["good"])
    # A table that is not the one which is read.
    other = model.backbone.get_layer("segment_embedding")
    monkeypatch.setattr(model.backbone, "_token_embedding", other)
    with pytest.raises(ValueError, match="does not read its tokens by its token_embedding alone"):
        model.explain(["good"])
    monkeypatch.undo()
    model.quantize("int8")
    with pytest.raises(ValueError, match="quantized weights have no gradients"):
        model.explain(["good"])
    no_texts = MultiTaskClassifier(tiny_bert()[0], TASKS[:1])
    with pytest.raises(ValueError, match="needs texts"):
        no_texts.explain(["good"])


@given(
    st.lists(
        st.text(st.sampled_from([*"abcd ,.!\n\0éß你ไ่😀\ud800\u00ad"]), max_size=40), max_size=3
    )
)
@tries(10)
def test_fuzz_any_text_is_explained_and_rendered_as_it_stands(model, texts):
    for text, by_task in zip(texts, model.explain(texts, "mood"), strict=True):
        check(by_task["mood"], text)
