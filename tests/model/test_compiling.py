"""`compile` as Keras has it: losses by name, function or object, with missing labels left out."""

import warnings

import keras
import numpy as np
import pytest
from keras import ops

from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.tasks import Multiclass, Multilabel, Ordinal, Regression
from tests.conftest import tiny_bert

TEXTS = ["good clerk", "bad queue", "fine", "fee form"]
TASKS = [
    Multiclass(name="mood", classes=["bad", "fine", "good"]),
    Multilabel(name="topics", classes=["bus", "fee"]),
    Regression(name="score"),
    Ordinal(name="stars", classes=["1", "2", "3"]),
]
TARGETS = {
    "mood": np.array([0, -1, 2, 1], "int32"),
    "topics": np.array([[1, 0], [np.nan] * 2, [np.nan, 1], [0, 0]], "float32"),
    "score": np.array([1, np.nan, 3, 4], "float32"),
    "stars": np.array([0, 1, -1, 2], "int32"),
}


@pytest.fixture(scope="module")
def shared():
    backbone, preprocessor = tiny_bert(num_layers=1)
    return MultiTaskClassifier(backbone, TASKS, preprocessor, dropout=0.0)


@pytest.fixture(scope="module")
def predicted(shared):
    return shared.predict(TEXTS, verbose=0)


@pytest.fixture(scope="module")
def logits(shared):
    return shared.predict_logits(TEXTS)


@keras.saving.register_keras_serializable("tests")
class Cubed(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return ops.mean(ops.abs(y_pred - y_true) ** 3, axis=-1)


@keras.saving.register_keras_serializable("tests")
def absolute(y_true, y_pred):
    return ops.abs(y_pred - y_true)


@keras.saving.register_keras_serializable("tests")
def far(y_true, y_pred):
    return ops.abs(ops.sum(y_pred, axis=-1) - y_true)


def losses(model, **given):
    """Returns the losses of the model's tasks on all rows, by task."""
    model.compile("sgd", **given)
    found = model.test_on_batch(TEXTS, TARGETS, return_dict=True)
    return {name.removesuffix("_loss"): value for name, value in found.items()}


def mean_of(values, known):
    return pytest.approx(values[known].mean(), rel=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        "mae",
        keras.losses.mean_absolute_error,
        keras.losses.MeanAbsoluteError(),
        keras.losses.MeanAbsoluteError,
        absolute,
        lambda y, p: ops.mean(ops.abs(p - y), axis=-1),
        lambda y, p: ops.mean(ops.abs(p - y)),
    ],
)
def test_a_loss_of_any_form_is_the_mean_over_labelled_rows(shared, predicted, loss):
    found = losses(shared, loss={"score": loss})
    known = ~np.isnan(TARGETS["score"])
    assert found["score"] == mean_of(np.abs(predicted["score"] - TARGETS["score"]), known)


def test_crossentropies_read_what_they_say_and_the_task_s_own_stays_the_default(
    shared, predicted, logits
):
    rows, known = np.arange(4), TARGETS["mood"] >= 0
    surprise = -np.log(predicted["mood"][rows, np.maximum(TARGETS["mood"], 0)])
    own = losses(shared)
    assert own["mood"] == mean_of(surprise, known)
    for loss in (
        "crossentropy",
        "sparse_categorical_crossentropy",
        "categorical_crossentropy",
        keras.losses.SparseCategoricalCrossentropy(),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        lambda y, p: keras.losses.sparse_categorical_crossentropy(y, p, from_logits=True),
    ):
        found = losses(shared, loss={"mood": loss})
        assert found["mood"] == mean_of(surprise, known), loss
        assert found["topics"] == pytest.approx(own["topics"])
    surprise = -np.log(predicted["stars"][rows, np.maximum(TARGETS["stars"], 0)])
    found = losses(shared, loss={"stars": "crossentropy"})
    assert found["stars"] == mean_of(surprise, TARGETS["stars"] >= 0)


@pytest.mark.parametrize(
    "loss",
    ["ce", keras.losses.BinaryCrossentropy(), keras.losses.BinaryCrossentropy(from_logits=True)],
)
def test_the_unknown_cells_of_a_row_are_left_out_by_themselves(shared, predicted, loss):
    truth, known = TARGETS["topics"], ~np.isnan(TARGETS["topics"])
    surprise = -np.log(np.where(truth == 1, predicted["topics"], 1 - predicted["topics"]))
    assert losses(shared, loss={"topics": loss})["topics"] == mean_of(surprise, known)


def test_a_function_gets_logits_and_its_cells_or_rows_are_left_out(shared, logits):
    truth, known = TARGETS["topics"], ~np.isnan(TARGETS["topics"])
    distance = np.abs(logits["topics"] - truth)
    found = losses(shared, loss={"topics": absolute})
    assert found["topics"] == mean_of(distance, known)
    found = losses(shared, loss={"topics": lambda y, p: ops.max(ops.abs(p - y), axis=-1)})
    whole = known.all(axis=1)
    assert found["topics"] == mean_of(distance.max(axis=1), whole)


def test_a_missing_label_reaches_no_gradient_of_a_loss_given(shared):
    def of_known(y, p):
        return keras.ops.mean(keras.ops.log(y) * p, axis=-1)  # infinite for 0

    shared.compile("sgd", loss={"score": of_known, "mood": None, "topics": None, "stars": None})
    before = shared.get_weights()
    found = shared.train_on_batch(TEXTS, {"score": np.full(4, np.nan, "float32")}, return_dict=True)
    assert found["score_loss"] == 0.0
    finite = {"score": np.array([1, 2, np.nan, 4], "float32")}
    assert np.isfinite(shared.train_on_batch(TEXTS, finite))[0]
    assert all(np.isfinite(weight).all() for weight in shared.get_weights())
    shared.set_weights(before)


def test_a_task_with_the_loss_none_is_not_trained_and_not_logged(shared, tmp_path):
    shared.compile("sgd", loss={"score": None})
    assert "score_loss" not in shared.metrics_names
    head = next(w for w in shared.weights if "head_score/" in w.path and "kernel" in w.path)
    before = np.asarray(head.value)
    history = shared.fit(TEXTS, TARGETS, verbose=0).history
    np.testing.assert_array_equal(np.asarray(head.value), before)
    assert "score_loss" not in history
    assert history["score_weight"] == history["score_share"] == [0.0]
    parts = ("mood", "topics", "stars")
    assert history["loss"][0] == pytest.approx(
        sum(history[f"{t}_loss"][0] for t in parts), rel=1e-5
    )
    with pytest.raises(ValueError, match="all are None"):
        shared.compile("sgd", loss=[None] * 4)


def test_one_loss_for_all_and_a_list_in_the_tasks_order():
    backbone, preprocessor = tiny_bert(num_layers=1)
    tasks = [Regression(name="a"), Regression(name="b", scale=2.0)]
    model = MultiTaskClassifier(backbone, tasks, preprocessor, dropout=0.0)
    found = model.predict(TEXTS, verbose=0)
    targets = {"a": np.zeros(4, "float32"), "b": np.ones(4, "float32")}
    errors = {name: np.abs(found[name] - target).mean() for name, target in targets.items()}
    for loss in ("mae", absolute, Cubed(), ["mae", None]):
        model.compile("sgd", loss=loss, loss_weights=[2, 0.5])
        logs = model.test_on_batch(TEXTS, targets, return_dict=True)
        if isinstance(loss, Cubed):
            continue
        assert logs["a_loss"] == pytest.approx(errors["a"], rel=1e-5)
        rest = 0 if isinstance(loss, list) else 0.5 * errors["b"]
        assert logs["loss"] == pytest.approx(2 * errors["a"] + rest, rel=1e-5)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"loss": {"mod": "mae"}}, r"\['mood', .*Did you mean 'mood'\?"),
        ({"loss_weights": {"mod": 2.0}}, r"loss_weights must name .*Did you mean 'mood'\?"),
        ({"loss_weights": [1.0, 2.0]}, "one entry for each of"),
        ({"loss_weights": {"mood": -1.0}}, "numbers of 0 or more"),
        ({"loss_weights": {"mood": float("nan")}}, "numbers of 0 or more"),
        ({"loss": ["mse"]}, "one entry for each of"),
        ({"loss": {"mood": "no_such"}}, "task 'mood': .*no_such"),
        ({"loss": {"mood": "mse"}}, "'mood' has classes, and 'mean_squared_error'"),
        ({"loss": {"score": "crossentropy"}}, "a number has no cross-entropy"),
        ({"loss": {"score": keras.losses.MeanSquaredError(reduction="sum")}}, "must be a mean"),
        ({"loss": {"score": lambda y, p: ops.sum(p - y)}}, "not the mean over its rows"),
        ({"loss": {"score": lambda y, p: (p - y)[:1]}}, "number per row"),
        ({"loss": {"stars": absolute}}, r"y_true of shape \(4,\) and y_pred of shape \(4, 2\)"),
        ({"loss": {"score": lambda y: y}}, r"y_true of shape \(3, 1\)"),
        (
            {"loss": {"stars": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}},
            "'ordinal' has other logits",
        ),
    ],
)
def test_what_cannot_be_a_loss_is_refused_before_any_step(shared, given, message):
    with pytest.raises(ValueError, match=message):
        shared.compile("sgd", **given)


def test_losses_and_metrics_given_are_saved_and_loaded(tmp_path):
    backbone, preprocessor = tiny_bert(num_layers=1)
    model = MultiTaskClassifier(backbone, TASKS, preprocessor, dropout=0.0)
    model.compile(
        "sgd",
        loss={"score": Cubed(), "mood": "crossentropy", "topics": None, "stars": far},
        metrics={
            "mood": ["accuracy", keras.metrics.F1Score(average="macro", name="f1")],
            "score": "mae",
        },
        weighted_metrics={"topics": keras.metrics.AUC(name="auc")},
    )
    model.fit(TEXTS, TARGETS, verbose=0)
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    expected = model.test_on_batch(TEXTS, TARGETS, return_dict=True)
    assert copy.test_on_batch(TEXTS, TARGETS, return_dict=True) == pytest.approx(expected)
    assert {"mood_accuracy", "mood_f1", "score_mae", "topics_auc"} < expected.keys()
    assert isinstance(copy.loss["score"], Cubed)


def test_a_lambda_in_a_saved_file_is_refused_as_keras_refuses_it(shared, tmp_path):
    shared.compile("sgd", loss={"score": lambda y, p: ops.abs(y - p)})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*includes a `lambda`")
        shared.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="lambda"):
        keras.saving.load_model(tmp_path / "model.keras")
