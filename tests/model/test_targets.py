"""What `fit` and `evaluate` take as `y` and `sample_weight`: right numbers or one error."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from mtc_keras.model.arguments import checked
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.model.targets import read_targets
from mtc_keras.tasks import Multiclass, Multilabel, Ordinal, Regression
from tests.conftest import tiny_bert

TEXTS = ["good clerk", "bad queue and slow bus", "fine", "late"]
NAN = np.nan
MOOD = Multiclass(name="mood", classes=["bad", "fine", "good"])
STARS = Ordinal(name="stars", classes=["1", "2", "3", "4", "5"])
YES = Multiclass(name="yes", classes=["no", "yes"])
TRUE = Multiclass(name="true", classes=["true", "false"])
TOPICS = Multilabel(name="topics", classes=["bus", "fee"])
SCORE = Regression(name="score")


@pytest.fixture(scope="module")
def models():
    """Returns a function from tasks to a model, which is made once."""
    made = {}

    def of(*tasks):
        names = tuple(task.name for task in tasks)
        if names not in made:
            backbone, preprocessor = tiny_bert(num_layers=1)
            made[names] = MultiTaskClassifier(backbone, tasks, preprocessor, dropout=0.0)
        return made[names]

    return of


def read(model, y, sample_weight=None):
    return checked(model, TEXTS, y, sample_weight)[1:]


FORMS = [
    (MOOD, [0, 2, -1, 1], [0, 2, -1, 1]),
    (MOOD, np.array([[0], [2], [-1], [1]]), [0, 2, -1, 1]),
    (MOOD, np.array([0.0, 2.0, NAN, 1.0]), [0, 2, -1, 1]),
    (MOOD, [0, 2, None, 1], [0, 2, -1, 1]),
    (MOOD, ["bad", "good", None, "fine"], [0, 2, -1, 1]),
    (MOOD, np.array(["bad", "good", "", "fine"]), [0, 2, -1, 1]),
    (MOOD, np.array([["bad"], ["good"], [None], ["fine"]], object), [0, 2, -1, 1]),
    (MOOD, pd.Series(["bad", "good", NAN, "fine"], index=[4, 3, 2, 1]), [0, 2, -1, 1]),
    (MOOD, pd.Series(["bad", "good", None, "fine"], dtype="string"), [0, 2, -1, 1]),
    (MOOD, pd.Series(["bad", "good", None, "fine"], dtype="category"), [0, 2, -1, 1]),
    (MOOD, pd.Series([0, 2, pd.NA, 1], dtype="Int64"), [0, 2, -1, 1]),
    (MOOD, pd.Series([0, 2, 0, 1], dtype="Int64"), [0, 2, 0, 1]),
    (MOOD, pd.DataFrame({"anything": [0, 2, -1, 1]}), [0, 2, -1, 1]),
    (MOOD, np.array([[1, 0, 0], [0, 0, 1], [NAN] * 3, [0, 1, 0]]), [0, 2, -1, 1]),
    (
        MOOD,
        pd.DataFrame({"good": [0, 1, 0, 0], "bad": [1, 0, 1, 0], "fine": [0, 0, 0, 1]}),
        [0, 2, 0, 1],
    ),
    (MOOD, tf.constant([0, 2, -1, 1]), [0, 2, -1, 1]),
    (MOOD, keras.ops.array([0, 2, -1, 1]), [0, 2, -1, 1]),
    # Numbers are positions, names are names, also where these are numbers.
    (STARS, [0, 4, -1, 1], [0, 4, -1, 1]),
    (STARS, ["1", "5", None, "2"], [0, 4, -1, 1]),
    (STARS, pd.Series([1, 5, None, 2], dtype="category"), [0, 4, -1, 1]),
    (YES, np.array([True, False, False, True]), [1, 0, 0, 1]),
    (YES, [True, False, False, True], [1, 0, 0, 1]),
    (TRUE, np.array([True, False, False, True]), [0, 1, 1, 0]),
    (TRUE, [True, False, None, True], [0, 1, -1, 0]),
    (TOPICS, np.eye(4)[:, :2], np.eye(4)[:, :2]),
    (TOPICS, np.eye(4, dtype=bool)[:, :2], np.eye(4)[:, :2]),
    (TOPICS, [[1, 0], [0, 1], [None, 0], [0, 0]], [[1, 0], [0, 1], [NAN, 0], [0, 0]]),
    (TOPICS, [["bus"], ["fee", "bus"], None, []], [[1, 0], [1, 1], [NAN, NAN], [0, 0]]),
    (TOPICS, ["bus", "fee|bus", None, "fee"], [[1, 0], [1, 1], [NAN, NAN], [0, 1]]),
    (TOPICS, [{"bus": 1}, {}, ["fee"], []], [[1, NAN], [NAN, NAN], [0, 1], [0, 0]]),
    (TOPICS, [[], [], [], []], [[0, 0]] * 4),
    (
        TOPICS,
        pd.DataFrame({"fee": [0, 1, 0, 0], "bus": [1, 0, 0, 0]}),
        [[1, 0], [0, 1], [0, 0], [0, 0]],
    ),
    (SCORE, pd.DataFrame({"score": [1, 2, 3, 4]})[["score"]].to_numpy(), [1, 2, 3, 4]),
    (SCORE, [1, None, 2.5, NAN], [1, NAN, 2.5, NAN]),
    (SCORE, ["1", "2.5", None, "4"], [1, 2.5, NAN, 4]),
    (SCORE, pd.Series([1, None, 2, 3], dtype="Float64"), [1, NAN, 2, 3]),
    (SCORE, [None] * 4, [NAN] * 4),
]


@pytest.mark.parametrize("task, given, expected", FORMS)
def test_targets_may_come_as_numbers_names_and_columns(models, task, given, expected):
    model = models(task)
    for y in ({task.name: given}, given):
        found = read(model, y)[0][task.name]
        assert found.dtype == task.target_dtype
        np.testing.assert_array_equal(found, np.asarray(expected, task.target_dtype))


def test_each_form_trains_as_the_encoded_targets_do(models):
    model = models(MOOD, SCORE)
    encoded = {"mood": np.array([0, 2, -1, 1]), "score": np.array([1.0, 2.0, NAN, 4.0])}
    exact = model.evaluate(TEXTS, encoded, verbose=0, return_dict=True)
    others = [
        {"mood": ["bad", "good", None, "fine"], "score": encoded["score"][:, None]},
        pd.DataFrame({"mood": ["bad", "good", None, "fine"], "score": [1, 2, None, 4]}),
        {"mood": np.where(np.eye(3)[encoded["mood"]], 1, [[0], [0], [NAN], [0]]), **encoded},
    ]
    for y in others:
        assert model.evaluate(TEXTS, y, verbose=0, return_dict=True) == exact
    # A column of weights or of targets once weighed every label against every row.
    weights = np.array([[1], [2], [0], [1]])
    narrow = model.evaluate(TEXTS, encoded, sample_weight=weights[:, 0], verbose=0)
    assert model.evaluate(TEXTS, encoded, sample_weight=weights, verbose=0) == narrow


@pytest.mark.parametrize(
    "task, given, message",
    [
        (MOOD, [1, 2, 3, 1], r"y\['mood'\]: .*positions of the 3 classes.*Received: 3 in row 2"),
        (MOOD, [-2, 0, 0, 0], "Received: -2 in row 0; 1 such value in all"),
        (MOOD, [2**32, 0, 0, 0], "Received: 4294967296 in row 0"),
        (MOOD, [0.5, 0, 0, 0], "whole numbers"),
        (MOOD, [np.inf, 0, 0, 0], "whole numbers"),
        (MOOD, [0, 1], r"y\['mood'\] has 2 rows, but x has 4"),
        (MOOD, np.ones((4, 3)), "one must be 1 and the others 0.*4 such rows"),
        (MOOD, np.zeros((4, 2)), r"shape \(N,\). Received: float64 of shape \(4, 2\)"),
        (MOOD, [True, False, True, True], "bools cannot be targets of 3 classes"),
        (Multiclass(name="odd", classes=["true", "x"]), [True, False] * 2, "row 1: class 'false'"),
        (MOOD, ["bad", "god", "x", None], r"2 labels cannot be read(.|\n)*row 1.*'god'"),
        (MOOD, ["bad", 1, 2, 1], "class names and numbers"),
        (MOOD, [b"bad", b"bad", b"bad", b"bad"], "numbers or class names. Received: bytes"),
        (MOOD, pd.to_datetime(["2024-01-01"] * 4), "numbers or class names. Received: datetime"),
        (MOOD, {"bad", "good"}, "one target per row. Received: a set"),
        (MOOD, "bad", "one target per row. Received: a str"),
        (TOPICS, [0, 1, 1, 1], r"shape \(N, 2\)"),
        (TOPICS, [[2, 0]] * 4, "0 or 1, or NaN"),
        (TOPICS, [[0], [0, 1], [1], [1]], "different numbers of values"),
        (TOPICS, pd.DataFrame({"fee": [0] * 4, "buss": [0] * 4}), "must be the classes"),
        (SCORE, [1, np.inf, 2, 3], "finite.*row 1"),
        (SCORE, [1, 1e39, 2, 3], "finite.*row 1"),
        (SCORE, ["1", "x", "2", "3"], "expected a number, received 'x'"),
        (SCORE, np.zeros((4, 2)), r"shape \(N,\)"),
    ],
)
def test_other_targets_are_refused_before_a_step(models, task, given, message):
    model = models(task)
    y = {task.name: given}
    for ask in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=message):
            ask(TEXTS, y, verbose=0)
    with pytest.raises(ValueError, match="validation_data: "):
        right = {task.name: task.encode([None] * 4)[0]}
        model.fit(TEXTS, right, validation_data=(TEXTS, y), verbose=0)
    model.predict(TEXTS, verbose=0)


RIGHT = {"mood": [0, 1, 2, 0], "score": [1.0, 2.0, 3.0, 4.0]}


@pytest.mark.parametrize(
    "y, message",
    [
        ({"mod": [0] * 4, **RIGHT}, "tasks 'mood', 'score'. Received: 'mod'. Did you mean 'mood'?"),
        (tuple(RIGHT.values()), "dict by task.*Received: a tuple"),
        (list(RIGHT.values()), "dict by task.*Received: a list"),
        (np.zeros(4), "dict by task.*Received: a ndarray"),
        (None, "dict by task.*Received: None"),
        ({}, "names none of the model's tasks"),
        (pd.DataFrame({"text": TEXTS, **RIGHT}), "Received: 'text'"),
    ],
)
def test_targets_name_the_models_tasks(models, y, message):
    with pytest.raises(ValueError, match=message):
        models(MOOD, SCORE).fit(TEXTS, y, verbose=0)


@pytest.mark.parametrize(
    "weight, message",
    [
        ({"mod": [1] * 4}, "sample_weight must name.*Did you mean 'mood'?"),
        ({"mood": [1] * 3}, r"sample_weight\['mood'\] has 3 rows, but x has 4"),
        ([1, NAN, 1, 1], "Received: nan in row 1"),
        ([1, -1, 1, -1], "Received: -1.0 in row 1; 2 such rows"),
        ([1, np.inf, 1, 1], "finite"),
        (np.ones((4, 3)), r"shape \(N,\). Received: shape \(4, 3\)"),
        (["a"] * 4, "one number per row"),
        (1.0, r"shape \(N,\)"),
    ],
)
def test_weights_are_finite_numbers_of_every_row(models, weight, message):
    model = models(MOOD, SCORE)
    for ask in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=message):
            ask(TEXTS, RIGHT, sample_weight=weight, verbose=0)


def test_weights_by_task_may_come_in_any_form(models):
    model = models(MOOD, SCORE)
    for given in ({"mood": [1, 0, 2, 3]}, pd.DataFrame({"mood": [1, 0, 2, 3]})):
        assert read(model, RIGHT, given)[1]["mood"].tolist() == [1, 0, 2, 3]
    assert read(model, RIGHT, pd.Series([1, 0, 2, 3]))[1].tolist() == [1, 0, 2, 3]


def test_labels_that_are_read_as_something_else_are_told(models):
    with pytest.warns(UserWarning, match=r"mood: 2 cells such as '2', '0' are read as positions"):
        found = read(models(MOOD), ["bad", "2", "0", None])[0]["mood"]
    assert found.tolist() == [0, 2, 0, -1]


def test_weights_of_classes_belong_to_the_tasks(models):
    with pytest.raises(ValueError, match="class_weights="):
        models(MOOD, SCORE).fit(TEXTS, RIGHT, class_weight={0: 2.0}, verbose=0)


@pytest.mark.parametrize("data", [TEXTS, (TEXTS,), 3])
def test_validation_data_are_texts_and_targets(models, data):
    with pytest.raises(ValueError, match="validation_data"):
        models(MOOD, SCORE).fit(TEXTS, RIGHT, validation_data=data, verbose=0)


def test_validation_data_may_come_in_any_form(models):
    frame = pd.DataFrame({"text": TEXTS, "mood": ["bad", "good", None, "fine"]})
    model = models(MOOD, SCORE)
    data = frame["text"], frame[["mood"]], [1, 1, 1, 0]
    history = model.fit(TEXTS, RIGHT, validation_data=data, verbose=0).history
    assert history["val_score_loss"] == [0.0]
    assert history["val_mood_loss"][0] > 0


def test_targets_of_a_loss_of_ones_own_are_its_own_affair():
    backbone, preprocessor = tiny_bert(num_layers=1)
    model = MultiTaskClassifier(backbone, [MOOD], preprocessor)
    given = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(loss={"mood": given}, metrics={"mood": ["accuracy", "categorical_accuracy"]})
    soft = np.array([[0.5, 0.5, 0], [0.2, 0.2, 0.6], [0, 0, 1], [0, 1, 0]])
    logits = model.predict_logits(TEXTS)["mood"]
    found = model.evaluate(TEXTS, {"mood": soft}, verbose=0, return_dict=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert found["mood_loss"] == pytest.approx(-(soft * log_p).sum(axis=1).mean(), rel=1e-4)
    right = (soft.argmax(axis=1) == logits.argmax(axis=1)).mean()
    assert found["accuracy"] == found["categorical_accuracy"] == pytest.approx(right)


def dataset(y, *weights):
    return tf.data.Dataset.from_tensor_slices((TEXTS, y, *weights)).batch(2)


def test_datasets_yield_what_arrays_hold(models):
    model = models(MOOD, SCORE)
    exact = model.evaluate(TEXTS, RIGHT, batch_size=2, verbose=0)
    assert model.evaluate(dataset(RIGHT), verbose=0) == pytest.approx(exact)
    column = {**RIGHT, "score": np.array(RIGHT["score"])[:, None]}
    assert model.evaluate(dataset(column), verbose=0) == pytest.approx(exact)
    one = models(MOOD)
    exact = one.evaluate(TEXTS, RIGHT["mood"], verbose=0)
    assert one.evaluate(dataset(RIGHT["mood"]), verbose=0) == pytest.approx(exact)
    assert one.evaluate(dataset(np.array(RIGHT["mood"])[:, None]), verbose=0) == pytest.approx(
        exact
    )


@pytest.mark.parametrize(
    "batches, message",
    [
        (lambda: dataset({"mod": [0] * 4}), "Did you mean 'mood'"),
        (lambda: dataset((RIGHT["mood"], RIGHT["score"])), "dict by task"),
        (lambda: dataset(RIGHT["mood"]), "dict by task"),
        (lambda: dataset({"mood": np.eye(4)[:, :3]}), r"y\['mood'\].*shape"),
        (lambda: dataset({"mood": ["bad"] * 4}), "must be encoded"),
        (lambda: dataset(RIGHT, {"mod": [1.0] * 4}), "sample_weight must name"),
        (lambda: dataset(RIGHT).unbatch(), "must yield batches"),
        (lambda: tf.data.Dataset.from_tensor_slices(TEXTS).batch(2), "Received: x alone"),
    ],
)
def test_datasets_of_another_structure_are_refused(models, batches, message):
    model = models(MOOD, SCORE)
    for ask in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=message):
            ask(batches(), verbose=0)
    with pytest.raises(ValueError, match=message):
        model.fit(TEXTS, RIGHT, validation_data=batches(), verbose=0)
    model.predict(TEXTS, verbose=0)


VOTED = Multiclass(name="mood", classes=["bad", "fine", "good"], labels="votes")


@pytest.mark.parametrize(
    "given, message",
    [
        (np.array([[2, 0, 1]] * 4), "sum to 1, .* divided by the sum of their row"),
        (np.full((4, 3), 0.6), "4 such rows in all$"),
        (np.full((4, 2), 0.5), r"shape \(N, 3\). Received: float64 of shape \(4, 2\)"),
        ([[1, 3], [2], [1], [3]], "with shares, lists of class names as text"),
    ],
)
def test_refused_shares_say_what_is_right(given, message):
    with pytest.raises(ValueError, match=message):
        read_targets([VOTED], {}, {"mood": given}, 4)


def test_a_task_of_votes_takes_shares_positions_and_answers():
    shares = np.array([[1, 0, 0], [0, 0.5, 0.5], [NAN] * 3, [0, 0, 1]])
    answers = [["bad"], ["fine", "good"], None, ["good"]]
    for given in (shares, answers):
        found = read_targets([VOTED], {}, {"mood": given}, 4)["mood"]
        np.testing.assert_array_equal(found, shares)
    for positions in ([0, 1, -1, 2], [[0], [1], [-1], [2]]):
        found = read_targets([VOTED], {}, {"mood": positions}, 4)["mood"]
        np.testing.assert_array_equal(
            found, np.where(np.eye(4, 3)[[0, 1, 3, 2]] > 0, 1, [[0], [0], [NAN], [0]])
        )
