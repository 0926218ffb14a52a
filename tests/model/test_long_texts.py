"""A model reads long texts in windows: in one step or in many, its answers are the same."""

import keras
import numpy as np
import pytest

from mtc_keras import Multiclass, Multilabel, MultiTaskClassifier, Ordinal, Regression
from mtc_keras.data.tokens import Tokens
from mtc_keras.data.windows import Windows
from tests.conftest import WORDS, tiny_bert

TASKS = [
    Multiclass(name="mood", classes=["bad", "fine", "good"], window_pooling="max"),
    Multilabel(name="topics", classes=["bus", "fee"], window_pooling="attention"),
    Ordinal(name="stars", classes=["1", "2", "3"], window_pooling="attention"),
    Regression(name="years", mean=3.0, scale=1.5),
]


def words(count: int, seed: int = 0) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, size=count).tolist())


TEXTS = [words(n, n) for n in (3, 14, 15, 40, 100, 0, 7)]


@pytest.fixture(scope="module")
def reader():
    backbone, preprocessor = tiny_bert(num_layers=1)
    return MultiTaskClassifier(
        backbone, TASKS, preprocessor, dropout=0.0, long_texts="windows", window_overlap=4
    )


def assert_same(found, expected, atol=1e-6):
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name].shape == values.shape
        np.testing.assert_allclose(found[name], values, atol=atol)


def take_heads(model, other):
    """Gives a model the heads of another one."""
    theirs = {variable.path: variable for variable in other.variables}
    for mine in model.variables:
        if mine.path.startswith("head"):
            mine.assign(np.array(theirs[mine.path]))


def test_each_task_pools_the_logits_of_its_windows(reader):
    windows = reader.tokenize(TEXTS)
    assert isinstance(windows, Windows)
    assert windows.counts.tolist() == [1, 1, 2, 4, 10, 1, 1]
    of_windows = reader.predict_logits(windows.tokens)
    found = reader.predict_logits(TEXTS)
    for row in range(len(TEXTS)):
        own = {
            name: values[windows.offsets[row] : windows.offsets[row + 1]]
            for name, values in of_windows.items()
        }
        np.testing.assert_allclose(found["mood"][row], own["mood"].max(0), atol=1e-6)
        np.testing.assert_allclose(found["years"][row], own["years"].mean(), atol=1e-6)
        weights = np.exp(own["topics"]) / np.exp(own["topics"]).sum(0)
        np.testing.assert_allclose(
            found["topics"][row], (weights * own["topics"]).sum(0), atol=1e-6
        )


def test_all_ways_to_ask_give_one_answer(reader):
    expected = reader.predict(TEXTS)
    assert_same(reader.predict(reader.tokenize(TEXTS)), expected)
    assert_same(reader.predict_on_batch(TEXTS), expected)
    parts = [reader.predict(TEXTS[:4]), reader.predict(TEXTS[4:])]
    assert_same({n: np.concatenate([part[n] for part in parts]) for n in expected}, expected)
    assert_same(
        reader.predict(TEXTS, steps=1, batch_size=4), {n: v[:4] for n, v in expected.items()}
    )
    assert_same(reader.predict([]), {name: values[:0] for name, values in expected.items()})


def test_tokens_of_one_window_each_are_read_as_such(reader):
    cut = {name: np.asarray(array) for name, array in reader.preprocessor(TEXTS, y=None).items()}
    windows = reader.tokenize(TEXTS)
    first = windows.tokens.select(windows.offsets[:-1])
    assert_same(reader.predict(cut), reader.predict(first))


@pytest.mark.parametrize("mode", ["truncate", "head_tail", "windows"])
def test_short_texts_are_read_alike_in_all_modes(reader, mode):
    short = [text for text in TEXTS if len(text.split()) <= 14]
    tasks = [task.model_copy(update={"window_pooling": None}) for task in TASKS]
    other = MultiTaskClassifier(
        reader.backbone, tasks, reader.preprocessor, dropout=0.0, long_texts=mode
    )
    take_heads(other, reader)
    assert isinstance(other.tokenize(short), Windows if mode == "windows" else Tokens)
    assert_same(other.predict(short), reader.predict(short))


def test_a_saved_model_reads_as_before(reader, tmp_path):
    reader.window_poolings["topics"].alpha.assign([0.5, 3.0])
    expected = reader.predict(TEXTS)
    reader.save_to_preset(str(tmp_path / "preset"))
    found = MultiTaskClassifier.from_preset(str(tmp_path / "preset"))
    assert (found.long_texts, found.window_overlap, found.training_windows) == ("windows", 4, 4)
    assert_same(found.predict(TEXTS), expected)
    reader.save(tmp_path / "model.keras")
    import mtc_keras

    assert_same(mtc_keras.load(tmp_path / "model.keras").predict(TEXTS), expected)


def test_a_model_that_truncates_says_nothing_that_older_versions_do_not_know(model):
    assert not {"long_texts", "window_overlap", "training_windows"} & model.get_config().keys()
    assert model.long_texts == "truncate"


def test_what_does_not_fit_is_refused(tasks):
    backbone, preprocessor = tiny_bert(num_layers=1)
    with pytest.raises(ValueError, match="long_texts must be one of"):
        MultiTaskClassifier(backbone, tasks, preprocessor, long_texts="all")
    with pytest.raises(ValueError, match=r"window_pooling of task 'mood' .* long_texts='windows'"):
        MultiTaskClassifier(backbone, TASKS, preprocessor)
    windows = MultiTaskClassifier(backbone, tasks, preprocessor, long_texts="windows")
    with pytest.raises(ValueError, match="no text pairs"):
        windows.predict((["a"], ["b"]))


def test_texts_in_windows_train_in_keras_own_loop():
    """The label is a word beyond the first window."""
    random = np.random.default_rng(0)
    labels = random.integers(2, size=192)
    fillers = [word for word in WORDS if word not in ("good", "bad")]
    words = random.choice(fillers, size=(192, 24)).tolist()
    texts = [
        " ".join([*row[:20], ("bad", "good")[label], *row[20:]])
        for row, label in zip(words, labels, strict=True)
    ]
    backbone, preprocessor = tiny_bert(num_layers=1)
    task = Multiclass(name="mood", classes=["bad", "good"], window_pooling="max")
    model = MultiTaskClassifier(backbone, [task], preprocessor, dropout=0.0, long_texts="windows")
    model.compile(keras.optimizers.Adam(1e-2), metrics=["accuracy"])
    y = {"mood": labels}
    history = model.fit(
        texts,
        y,
        batch_size=16,
        epochs=5,
        validation_split=0.25,
        sample_weight=np.ones(192),
        verbose=0,
    )
    assert history.history["val_accuracy"][-1] > 0.9
    assert len(history.history["val_loss"]) == 5
    found = model.evaluate(texts[144:], {"mood": labels[144:]}, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(history.history["val_loss"][-1], rel=1e-5)
    # In one step all windows are read, as in an evaluation.
    on_batch = model.test_on_batch(texts[144:], {"mood": labels[144:]}, return_dict=True)
    assert float(on_batch["loss"]) == pytest.approx(found["loss"], rel=1e-4)
    model.train_on_batch(texts[:8], {"mood": labels[:8]})


def test_an_evaluation_in_windows_has_keras_numbers(reader):
    short = [text for text in TEXTS if len(text.split()) <= 14]
    tasks = [task.model_copy(update={"window_pooling": None}) for task in TASKS]
    plain = MultiTaskClassifier(reader.backbone, tasks, reader.preprocessor, dropout=0.0)
    take_heads(plain, reader)
    y = {
        "mood": [0, 2, -1, 1],
        "topics": np.array([[1, 0], [np.nan, 1], [0, 0], [1, 1]]),
        "stars": [0, 1, 2, -1],
        "years": [1.0, 2.0, np.nan, 4.0],
    }
    weights = np.array([1.0, 2.0, 1.0, 0.5])
    for model in (reader, plain):
        model.compile()
    found, expected = (
        model.evaluate(short, y, batch_size=2, sample_weight=weights, return_dict=True, verbose=0)
        for model in (reader, plain)
    )
    assert found == pytest.approx(expected, rel=1e-5)
    assert reader.evaluate(short, y, sample_weight=weights, verbose=0) == pytest.approx(
        [found[name] for name in reader.metrics_names], rel=1e-5
    )


def test_head_and_tail_are_read_in_keras_own_loop(tasks):
    backbone, preprocessor = tiny_bert(num_layers=1)
    model = MultiTaskClassifier(
        backbone, tasks[:1], preprocessor, dropout=0.0, long_texts="head_tail"
    )
    model.compile()
    y = {"pooled_dense": [0, 1, 2]}
    texts = [words(40, 1), words(50, 2), "good"]
    tokens = model.tokenize(texts).inputs
    found = model.evaluate(texts, y, verbose=0, return_dict=True)
    assert found == model.evaluate(tokens, y, verbose=0, return_dict=True)
    cut = model.evaluate(preprocessor(texts, y=None), y, verbose=0, return_dict=True)
    assert found["loss"] != cut["loss"]


def test_a_dataset_of_texts_that_would_be_cut_is_refused(reader):
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices((TEXTS, {"mood": [0] * 7})).batch(2)
    reader.compile()
    with pytest.raises(ValueError, match=r"the preprocessor, which truncates"):
        reader.fit(dataset, verbose=0)
    with pytest.raises(ValueError, match=r"model\.tokenize\(texts\)"):
        reader.predict(dataset.map(lambda x, y: x))


class Batches(keras.utils.PyDataset):
    """Two batches of texts."""

    def __len__(self):
        return 2

    def __getitem__(self, number):
        return TEXTS[number * 4 : number * 4 + 4], {"pooled_dense": np.zeros(4, "int32")}


def test_batches_of_texts_from_python_are_read_at_both_ends_or_refused(reader, tasks):
    backbone, preprocessor = tiny_bert(num_layers=1)
    model = MultiTaskClassifier(
        backbone, tasks[:1], preprocessor, dropout=0.0, long_texts="head_tail"
    )
    # Of seven texts, so that the second batch has three.
    assert_same(model.predict(Batches(), verbose=0), model.predict(TEXTS, verbose=0))
    windows = MultiTaskClassifier(backbone, tasks[:1], preprocessor, long_texts="windows")
    windows.compile()
    for method in (windows.fit, windows.evaluate, windows.predict):
        with pytest.raises(ValueError, match=r"a dataset of texts cannot .* list of texts"):
            method(Batches(), verbose=0)


def test_a_row_without_a_token_is_read_alike_beside_rows_of_any_number_of_windows(reader):
    tokens = reader.tokenize(TEXTS).inputs
    filled = {name: np.concatenate([a, np.zeros_like(a[:1])]) for name, a in tokens.items()}
    found = reader.predict(filled, verbose=0)
    alone = reader.predict({name: array[-1:, :1] for name, array in filled.items()}, verbose=0)
    assert_same({name: values[-1:] for name, values in found.items()}, alone)
    assert_same({name: values[:-1] for name, values in found.items()}, reader.predict(TEXTS))


def test_only_the_first_batches_are_judged_if_steps_says_so(reader):
    y = {"mood": [0, 1, 2, 0, 1, 2, 0], "years": np.arange(7.0)}
    reader.compile()
    judged = {"verbose": 0, "return_dict": True}
    first = reader.evaluate(TEXTS[:4], {name: v[:4] for name, v in y.items()}, **judged)
    found = reader.evaluate(TEXTS, y, batch_size=2, steps=2, callbacks=None, **judged)
    assert found == pytest.approx(first, rel=1e-5)
    backbone, preprocessor = tiny_bert(num_layers=1)
    model = MultiTaskClassifier(backbone, TASKS, preprocessor, long_texts="windows")
    model.compile(keras.optimizers.SGD(0.0))
    options = {"batch_size": 2, "validation_steps": 1, "verbose": 0}
    history = model.fit(TEXTS[3:], {"mood": [0] * 4}, validation_data=(TEXTS, y), **options)
    first = model.evaluate(TEXTS[:2], {name: v[:2] for name, v in y.items()}, **judged)
    assert history.history["val_loss"][0] == pytest.approx(first["loss"], rel=1e-5)


@pytest.mark.parametrize("wrong", [{"training_windows": 0}, {"window_overlap": -1}])
def test_numbers_that_windows_cannot_have_are_refused(tasks, wrong):
    backbone, preprocessor = tiny_bert(num_layers=1)
    [name] = wrong
    with pytest.raises(ValueError, match=f"{name} must be at least"):
        MultiTaskClassifier(backbone, tasks, preprocessor, long_texts="windows", **wrong)


def test_a_step_reads_no_more_of_a_long_text_than_is_drawn_and_none_of_others(monkeypatch):
    backbone, preprocessor = tiny_bert(num_layers=1)
    model = MultiTaskClassifier(backbone, TASKS, preprocessor, long_texts="windows")
    model.compile(keras.optimizers.SGD(0.0))
    texts, shapes = ["good", words(2000)], []
    take = Windows.take

    def noted(self, windows, length):
        shapes.append(windows.shape)
        return take(self, windows, length)

    with monkeypatch.context() as patch:
        patch.setattr(Windows, "take", noted)
        model.train_on_batch(texts, {"mood": [0, 1]})
        assert_same(model.predict_on_batch(texts), model.predict(texts, verbose=0))
    assert shapes == [(2, 4)]
