"""Metrics that `compile` is given: over known labels, with Keras' names."""

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.metrics import f1_score, precision_score, roc_auc_score

from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.tasks import Multiclass
from tests.conftest import tiny_bert
from tests.model.test_compiling import TARGETS, TEXTS
from tests.model.test_compiling import predicted as predicted  # fixtures
from tests.model.test_compiling import shared as shared

KNOWN = {
    name: target >= 0 if target.dtype == "int32" else ~np.isnan(target)
    for name, target in TARGETS.items()
}


def metrics(model, targets=TARGETS, sample_weight=None, **given):
    model.compile("sgd", **given)
    found = model.test_on_batch(TEXTS, targets, sample_weight, return_dict=True)
    return {name: float(v) for name, v in found.items() if not name.endswith("loss")}


def test_a_missing_label_is_not_a_wrong_prediction(shared, predicted):
    right = predicted["mood"].argmax(axis=1)
    targets = {"mood": np.where([True, False, True, False], right, -1).astype("int32")}
    found = metrics(shared, targets, metrics={"mood": "accuracy"})
    assert found == {"mood_accuracy": 1.0}


def test_every_kind_has_its_own_accuracy(shared, predicted):
    mean = {}
    for task in shared.tasks[:2] + shared.tasks[3:]:
        decided, known = task.decide(predicted[task.name]), KNOWN[task.name]
        right = (decided == TARGETS[task.name]) | ~known
        rows = known if known.ndim == 1 else known.any(axis=1)
        mean[f"{task.name}_accuracy"] = right.reshape(4, -1).all(axis=1)[rows].mean()
    given = {name.removesuffix("_accuracy"): "accuracy" for name in mean}
    assert metrics(shared, metrics=given) == pytest.approx(mean)


def test_metrics_of_keras_are_what_scikit_learn_says_of_known_labels(shared, predicted):
    known, truth = KNOWN["topics"], TARGETS["topics"]
    found = metrics(
        shared,
        metrics={
            "mood": [
                keras.metrics.F1Score(average="macro", name="f1_score"),
                "sparse_categorical_accuracy",
            ],
            "topics": [
                keras.metrics.AUC(num_thresholds=2000, name="auc"),
                keras.metrics.Precision(name="precision"),
                keras.metrics.Precision(thresholds=0, name="precision_of_logits"),
                "binary_accuracy",
            ],
            "score": ["mae", keras.metrics.RootMeanSquaredError(name="rmse")],
        },
    )
    moods, rows = predicted["mood"].argmax(axis=1), KNOWN["mood"]
    labels = [0, 1, 2]
    macro = f1_score(TARGETS["mood"][rows], moods[rows], average="macro", labels=labels)
    cells = predicted["topics"][known]
    precise = precision_score(truth[known], cells > 0.5, zero_division=0)
    error = (predicted["score"] - TARGETS["score"])[KNOWN["score"]]
    expected = {
        "mood_f1_score": macro,
        "mood_sparse_categorical_accuracy": (moods == TARGETS["mood"])[rows].mean(),
        "topics_auc": roc_auc_score(truth[known], cells),
        "topics_precision": precise,
        "topics_precision_of_logits": precise,
        "topics_binary_accuracy": ((cells > 0.5) == truth[known]).mean(),
        "score_mae": np.abs(error).mean(),
        "score_rmse": np.sqrt((error**2).mean()),
    }
    assert found == pytest.approx(expected, abs=1e-3)


def test_a_users_function_gets_logits_and_unknown_rows_have_no_weight(shared):
    def positive(y_true, y_pred):
        return ops.cast(ops.all(y_pred > -100, axis=-1), "float32") * (y_true + 1)

    found = metrics(shared, metrics={"mood": positive})
    assert found == pytest.approx({"mood_positive": np.mean([1, 3, 2])})


def test_row_weights_count_in_weighted_metrics_alone(shared, predicted):
    rows = np.array([3, 1, 0, 1], "float32")
    found = metrics(
        shared, sample_weight=rows, metrics={"score": "mae"}, weighted_metrics={"score": "mae"}
    )
    error, known = np.abs(predicted["score"] - TARGETS["score"]), KNOWN["score"]
    assert found["score_mae"] == pytest.approx(error[known].mean())
    weighted = np.average(error[known], weights=rows[known])
    assert found["score_mae_1"] == pytest.approx(weighted)
    by_task = metrics(shared, sample_weight={"score": rows}, weighted_metrics={"score": "mae"})
    assert by_task["score_mae"] == pytest.approx(weighted)


def test_a_task_left_out_of_the_targets_has_no_part(shared):
    given = {"mood": "accuracy", "topics": "accuracy", "score": "mae"}
    shared.compile("sgd", metrics=given)
    only = {"mood": TARGETS["mood"]}
    logs = shared.fit(TEXTS, only, validation_data=(TEXTS, only), verbose=0).history
    assert logs["topics_accuracy"] == logs["val_topics_accuracy"] == [0.0]
    assert {"mood_accuracy", "val_mood_accuracy"} < logs.keys()


def test_metrics_are_over_all_batches_of_an_epoch(shared):
    shared.compile("sgd", metrics={"mood": "accuracy", "topics": "binary_accuracy"})
    whole = shared.evaluate(TEXTS, TARGETS, batch_size=4, verbose=0, return_dict=True)
    parts = shared.evaluate(TEXTS, TARGETS, batch_size=1, verbose=0, return_dict=True)
    assert parts == pytest.approx(whole, rel=1e-5)
    listed = shared.evaluate(TEXTS, TARGETS, verbose=0)
    assert listed == pytest.approx([whole[name] for name in shared.metrics_names])


def test_lists_one_metric_for_all_and_one_object_for_several_tasks(shared):
    assert list(metrics(shared, metrics=["accuracy", None, "mae", ["acc"]])) == [
        "mood_accuracy",
        "score_mae",
        "stars_acc",
    ]
    metric = keras.metrics.SparseCategoricalAccuracy()
    found = metrics(shared, metrics={"mood": metric, "stars": metric})
    assert len(found) == 2 and shared.metrics_names[-2:] == list(found)
    backbone, preprocessor = tiny_bert(num_layers=1)
    alike = [Multiclass(name=name, classes=["x", "y"]) for name in ("a", "b", "c")]
    targets = {task.name: np.zeros(4, "int32") for task in alike}
    model = MultiTaskClassifier(backbone, alike, preprocessor)
    for given in ("accuracy", ["accuracy"], keras.metrics.SparseCategoricalAccuracy("accuracy")):
        assert list(metrics(model, targets, metrics=given)) == [
            "a_accuracy",
            "b_accuracy",
            "c_accuracy",
        ]
    single = MultiTaskClassifier(backbone, alike[:1], preprocessor)
    found = metrics(single, {"a": targets["a"]}, metrics=["accuracy", "accuracy"])
    assert list(found) == ["accuracy", "accuracy_1"]


@pytest.mark.parametrize(
    "given, message",
    [
        ({"metrics": {"mod": "accuracy"}}, r"metrics must name .*Did you mean 'mood'\?"),
        ({"weighted_metrics": {"mod": "mae"}}, "weighted_metrics must name"),
        ({"metrics": ["accuracy", "mae"]}, "one entry for each of"),
        ({"metrics": {"mood": "no_such"}}, "task 'mood': .*no_such"),
        ({"metrics": {"score": "accuracy"}}, "never quite right"),
        ({"metrics": {"stars": "mae"}}, "'stars' has classes"),
        ({"metrics": {"mood": lambda y: y}}, r"y_true of shape \(2,\)"),
    ],
)
def test_what_cannot_be_a_metric_is_refused_before_any_step(shared, given, message):
    with pytest.raises(ValueError, match=message):
        shared.compile("sgd", **given)


def test_compiling_again_forgets_the_metrics_of_before(shared):
    shared.compile("sgd", metrics={"mood": "accuracy"})
    shared.compile("sgd")
    assert not [metric for metric in shared.metrics if "compiled" in metric.name]
    assert "mood_accuracy" not in shared.test_on_batch(TEXTS, TARGETS, return_dict=True)
