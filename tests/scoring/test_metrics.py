"""Metrics: scikit-learn's numbers for each task, and what all tasks share."""

import math

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mtc_keras.config import monitor_names
from mtc_keras.scoring.judging import baseline, evaluate_tasks, flat_logs
from mtc_keras.tasks import Multiclass, Multilabel, Regression
from mtc_keras.tasks.metrics import (
    COVERAGES,
    calibration_error,
    classification_metrics,
    ordinal_metrics,
    ranking_metrics,
    regression_metrics,
    risk_coverage,
)

COLORS = ["red", "green", "blue"]
# The same examples in every run, and no limit of time that a busy machine would miss.
same_examples = settings(derandomize=True, deadline=None)
shapes = st.tuples(st.integers(1, 12), st.integers(2, 6))
indicators = shapes.flatmap(
    lambda shape: st.tuples(arrays.arrays(bool, shape), arrays.arrays(bool, shape))
)
labels = st.integers(2, 6).flatmap(
    lambda classes: st.tuples(
        st.just(classes),
        st.lists(
            st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1)),
            min_size=1,
            max_size=12,
        ),
    )
)
number = st.floats(-1e6, 1e6, width=32)
numbers = st.lists(st.tuples(number, number), min_size=1, max_size=12).map(
    lambda rows: np.array(rows, "float32").T
)


# === One task with classes ===


@same_examples
@given(indicators)
def test_several_labels_get_scikit_learns_numbers(both):
    truth, predicted = both
    classes = [f"class {index}" for index in range(truth.shape[1])]
    found = classification_metrics(truth, predicted, classes)
    report = sklearn.metrics.classification_report(
        truth, predicted, target_names=classes, output_dict=True, zero_division=0
    )
    assert found["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(truth, predicted))
    for average in ("micro", "macro"):
        for metric, name in (("precision",) * 2, ("recall",) * 2, ("f1", "f1-score")):
            expected = report[f"{average} avg"][name]
            assert found[f"{metric}_{average}"] == pytest.approx(expected, abs=1e-6)
    assert list(found["classes"]) == classes
    for name in classes:
        expected = report[name]
        assert found["classes"][name] == pytest.approx(
            {
                "precision": expected["precision"],
                "recall": expected["recall"],
                "f1": expected["f1-score"],
                "support": expected["support"],
            },
            abs=1e-6,
        )


@same_examples
@given(labels)
def test_one_label_gets_scikit_learns_numbers_over_all_classes(drawn):
    count, rows = drawn
    truth, predicted = np.array(rows).T
    classes = range(count)
    found = classification_metrics(
        truth[:, None] == classes, predicted[:, None] == classes, [str(c) for c in classes]
    )
    assert found["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(truth, predicted))
    for average in ("micro", "macro"):
        expected = sklearn.metrics.f1_score(
            truth, predicted, labels=list(classes), average=average, zero_division=0
        )
        assert found[f"f1_{average}"] == pytest.approx(expected, abs=1e-6)
    # With one label per row, and all classes counted, the three are one number.
    assert found["precision_micro"] == pytest.approx(found["accuracy"])


def test_classes_nobody_has_or_predicts_count_as_zero_in_the_macro_mean():
    truth = np.array([[True, False, False]])
    found = classification_metrics(truth, truth, COLORS)
    assert found["f1_micro"] == 1.0
    assert found["f1_macro"] == pytest.approx(1 / 3)
    assert found["classes"]["blue"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}


def test_an_all_negative_task_has_zeros_and_full_accuracy():
    nothing = np.zeros((4, 3), bool)
    found = classification_metrics(nothing, nothing, COLORS)
    assert found["accuracy"] == 1.0
    assert found["f1_micro"] == found["f1_macro"] == 0.0


def test_metrics_are_plain_python_numbers():
    truth = np.array([[True, False], [False, True]])
    found = classification_metrics(truth, ~truth, ["a", "b"])
    by_class = found.pop("classes")
    assert {type(value) for value in found.values()} == {float}
    assert {type(value) for value in by_class["a"].values()} == {float, int}


# === One task with numbers ===


@same_examples
@given(numbers)
def test_numbers_get_scikit_learns_numbers(both):
    targets, predictions = both
    exact, guess = both.astype("float64")
    found = regression_metrics(targets, predictions)
    assert found["mae"] == pytest.approx(sklearn.metrics.mean_absolute_error(exact, guess))
    assert found["rmse"] == pytest.approx(sklearn.metrics.root_mean_squared_error(exact, guess))
    assume(len(set(targets.tolist())) > 1)
    assert found["r2"] == pytest.approx(sklearn.metrics.r2_score(exact, guess))


@pytest.mark.parametrize("targets", [[2.0], [3.0, 3.0, 3.0]])
def test_r2_is_undefined_where_targets_do_not_vary(targets):
    targets = np.array(targets, "float32")
    found = regression_metrics(targets, targets + 1)
    assert math.isnan(found["r2"])
    assert found["mae"] == found["rmse"] == 1.0


def test_large_numbers_do_not_overflow():
    targets = np.array([1e30, -1e30], "float32")
    found = regression_metrics(targets, targets * 0)
    assert found["rmse"] == pytest.approx(1e30)
    assert found["r2"] == pytest.approx(0.0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_predictions_of_a_diverged_training_give_nan_and_no_error(value):
    found = regression_metrics(np.array([1.0, 2.0]), np.array([1.0, value]))
    assert all(math.isnan(metric) for metric in found.values())


# === One task with ordered classes ===


@same_examples
@given(labels)
def test_ordered_classes_get_scikit_learns_kappa_and_the_distance_in_classes(drawn):
    count, rows = drawn
    targets, predictions = np.array(rows, "int32").T
    assume(len(set(targets.tolist()) | set(predictions.tolist())) > 1)
    found = ordinal_metrics(targets, predictions, count)
    # The classes between two that occur keep their distance.
    expected = sklearn.metrics.cohen_kappa_score(
        targets, predictions, labels=list(range(count)), weights="quadratic"
    )
    assert found["quadratic_weighted_kappa"] == pytest.approx(expected)
    exact = sklearn.metrics.mean_absolute_error(targets, predictions)
    assert found["mae"] == pytest.approx(exact)


def test_kappa_counts_the_distance_to_classes_that_nobody_has():
    targets = np.array([0, 0, 4, 3], "int32")
    found = ordinal_metrics(targets, np.array([0, 4, 4, 0], "int32"), 5)
    # Σ (observed distance)² / Σ (distance expected by chance)²
    observed = np.mean([0, 16, 0, 9])
    by_chance = np.mean([(t - p) ** 2 for t in (0, 0, 4, 3) for p in (0, 4, 4, 0)])
    assert found["quadratic_weighted_kappa"] == pytest.approx(1 - observed / by_chance)


def test_kappa_is_undefined_where_targets_and_predictions_are_one_class():
    same = np.full(4, 1, "int32")
    found = ordinal_metrics(same, same, 3)
    assert math.isnan(found["quadratic_weighted_kappa"])
    assert found["mae"] == 0.0


def test_a_constant_prediction_has_no_agreement_above_chance():
    targets = np.array([0, 1, 2], "int32")
    found = ordinal_metrics(targets, np.full(3, 1, "int32"), 3)
    assert found == {"mae": pytest.approx(2 / 3), "quadratic_weighted_kappa": pytest.approx(0.0)}


# === Probabilities ===

ranked = st.integers(2, 15).flatmap(
    lambda rows: st.tuples(
        arrays.arrays(bool, (rows, 3)),
        arrays.arrays(bool, (rows, 3)),
        arrays.arrays("float32", (rows, 3), elements=st.sampled_from([0, 0.1, 0.5, 0.7, 1])),
    )
)


@same_examples
@given(ranked)
def test_ranking_is_scikit_learns_over_the_known_rows_of_each_class(drawn):
    truth, known, probabilities = drawn
    found = ranking_metrics(truth & known, known, probabilities, COLORS)
    areas, precisions = [], []
    for index, name in enumerate(COLORS):
        rows = known[:, index]
        positive, stated = truth[rows, index], probabilities[rows, index]
        own = found["classes"][name]
        if len(set(positive.tolist())) < 2:
            assert math.isnan(own["roc_auc"]) and math.isnan(own["average_precision"])
            continue
        areas.append(sklearn.metrics.roc_auc_score(positive, stated))
        precisions.append(sklearn.metrics.average_precision_score(positive, stated))
        assert own["roc_auc"] == pytest.approx(areas[-1])
        assert own["average_precision"] == pytest.approx(precisions[-1])
    for metric, values in (("roc_auc", areas), ("average_precision", precisions)):
        if values:
            assert found[f"{metric}_macro"] == pytest.approx(np.mean(values))
        else:
            assert math.isnan(found[f"{metric}_macro"])


def test_ranking_does_not_change_with_a_monotone_change_of_probabilities():
    random = np.random.default_rng(0)
    truth, stated = random.random((30, 3)) < 0.3, random.random((30, 3))
    known = np.ones((30, 3), bool)
    before = ranking_metrics(truth, known, stated, COLORS)
    assert ranking_metrics(truth, known, stated**3 / 2, COLORS) == before


def test_probabilities_that_are_not_finite_rank_nothing():
    truth, known = np.eye(3, dtype=bool), np.ones((3, 3), bool)
    stated = np.full((3, 3), 0.5)
    stated[0, 0] = NAN
    found = ranking_metrics(truth, known, stated, COLORS)
    assert math.isnan(found["classes"]["red"]["roc_auc"])
    assert found["roc_auc_macro"] == 0.5


@same_examples
@given(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=40),
    st.integers(1, 20),
)
def test_calibration_error_is_the_mean_gap_of_bins_of_equal_width(rows, bins):
    stated, came_true = np.array([p for p, _ in rows], "float32"), np.array([t for _, t in rows])
    expected = 0.0
    for number in range(bins):  # the last bin holds 1, too
        inside = np.floor(stated.astype("float64") * bins) == number
        inside |= (stated == 1) & (number == bins - 1)
        if inside.any():
            gap = came_true[inside].mean() - stated[inside].astype("float64").mean()
            expected += inside.mean() * abs(gap)
    assert calibration_error(stated, came_true, bins) == pytest.approx(expected, abs=1e-9)


def test_calibration_error_of_what_comes_true_as_often_as_stated_is_zero():
    stated = np.repeat([0.25, 0.75], 4)
    came_true = np.array([1, 0, 0, 0, 1, 1, 1, 0], bool)
    assert calibration_error(stated, came_true) == pytest.approx(0.0)
    assert calibration_error(np.ones(4), np.zeros(4, bool)) == 1.0
    assert calibration_error(np.zeros(0), np.zeros(0, bool)) == 0.0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_calibration_of_a_diverged_training_is_nan_and_no_error(value):
    stated = np.array([0.5, value], "float32")
    assert math.isnan(calibration_error(stated, np.array([True, False])))


@same_examples
@given(
    st.lists(
        st.tuples(st.sampled_from([0.1, 0.35, 0.5, 0.8, 0.99]), st.booleans()),
        min_size=1,
        max_size=40,
    )
)
def test_the_surest_rows_are_decided_and_their_error_is_told(rows):
    confidence = np.array([c for c, _ in rows])
    right = np.array([r for _, r in rows])
    table = risk_coverage(confidence, right)
    assert len(table) == len(COVERAGES)
    for share, line in zip(COVERAGES, table, strict=True):
        # The highest bound from which on at least the share of rows is decided.
        enough = [c for c in set(confidence) if (confidence >= c).mean() >= share - 1e-9]
        decided = confidence >= max(enough)
        assert line["confidence"] == pytest.approx(max(enough))
        assert line["coverage"] == pytest.approx(decided.mean())
        assert line["error"] == pytest.approx(1 - right[decided].mean())


def test_deciding_every_row_has_the_error_of_all():
    right = np.array([True, False, True, True])
    first, *others = risk_coverage(np.array([0.9, 0.2, 0.5, 0.7]), right)
    assert first == {"coverage": 1.0, "confidence": 0.2, "error": 0.25}
    assert others[-1] == {"coverage": 0.25, "confidence": 0.9, "error": 0.0}


def test_rows_of_equal_confidence_are_decided_together():
    table = risk_coverage(np.full(10, 0.6, "float32"), np.arange(10) < 7)
    assert {line["coverage"] for line in table} == {1.0}
    assert [line["error"] for line in table] == pytest.approx([0.3] * len(COVERAGES))


# === All tasks ===

MOOD = Multiclass(name="mood", classes=["bad", "good"], loss_weight=2.0)
TOPICS = Multilabel(name="topics", classes=COLORS)
STARS = Regression(name="stars")
TASKS = [MOOD, TOPICS, STARS]
NAN = np.nan


@pytest.fixture
def targets():
    return {
        "mood": np.array([0, 1, 1, -1], "int32"),
        "topics": np.array([[1, 0, 0], [NAN] * 3, [0, 1, NAN], [0, 0, 0]], "float32"),
        "stars": np.array([1, 2, 3, NAN], "float32"),
    }


@pytest.fixture
def predictions():
    return {
        "mood": np.array([0, 1, 0, 1], "int32"),
        "topics": np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1], [0, 0, 0]], "float32"),
        "stars": np.array([1, 2, 4, 9], "float32"),
    }


@pytest.fixture
def losses():
    return {"mood": 0.5, "topics": 0.25, "stars": 1.0}


def test_each_task_is_judged_on_its_labelled_rows_only(targets, predictions, losses):
    found = evaluate_tasks(TASKS, targets, predictions, losses)["tasks"]
    assert list(found) == ["mood", "topics", "stars"]
    assert [found[name]["rows"] for name in found] == [3, 3, 3]
    assert [found[name]["loss"] for name in found] == [0.5, 0.25, 1.0]
    assert found["mood"]["accuracy"] == pytest.approx(2 / 3)
    assert found["stars"]["mae"] == pytest.approx(1 / 3)


def test_what_is_predicted_for_missing_labels_changes_nothing(targets, predictions):
    before = evaluate_tasks(TASKS, targets, predictions)
    predictions["mood"][3] = 0
    predictions["stars"][3] = -1e6
    predictions["topics"][1] = 0
    predictions["topics"][2, 2] = 0
    assert evaluate_tasks(TASKS, targets, predictions) == before


def test_f1_over_all_classes_pools_the_counts_of_all_tasks_with_classes(targets, predictions):
    evaluation = evaluate_tasks(TASKS, targets, predictions)
    labelled = targets["mood"] >= 0
    known = ~np.isnan(targets["topics"])

    def cells(arrays):
        mood = arrays["mood"][labelled, None] == [0, 1]
        return np.concatenate([mood.ravel(), arrays["topics"][known] == 1])

    micro = sklearn.metrics.f1_score(cells(targets), cells(predictions))
    assert evaluation["overall"]["f1_micro"] == pytest.approx(micro)
    by_class = [
        values["f1"]
        for name in ("mood", "topics")
        for values in evaluation["tasks"][name]["classes"].values()
    ]
    assert evaluation["overall"]["f1_macro"] == pytest.approx(np.mean(by_class))


def test_mean_and_deviation_over_tasks_of_what_they_share(targets, predictions):
    evaluation = evaluate_tasks(TASKS, targets, predictions)
    tasks, overall = evaluation["tasks"], evaluation["overall"]
    accuracies = [tasks["mood"]["accuracy"], tasks["topics"]["accuracy"]]
    assert overall["accuracy_mean"] == pytest.approx(np.mean(accuracies))
    assert overall["accuracy_std"] == pytest.approx(np.std(accuracies))


def test_the_score_is_the_mean_of_the_main_metrics(targets, predictions):
    evaluation = evaluate_tasks(TASKS, targets, predictions)
    main = [evaluation["tasks"][task.name][task.main_metric] for task in TASKS]
    assert [task.main_metric for task in TASKS] == ["accuracy", "f1_micro", "r2"]
    assert evaluation["score"] == pytest.approx(np.mean(main))


def test_an_undefined_r2_stays_out_of_score_and_means(targets, predictions):
    targets["stars"][:] = [5, NAN, NAN, NAN]
    evaluation = evaluate_tasks(TASKS, targets, predictions)
    assert math.isnan(evaluation["tasks"]["stars"]["r2"])
    assert evaluation["score"] == evaluate_tasks(TASKS[:2], targets, predictions)["score"]
    assert "r2_mean" not in evaluation["overall"]


def test_a_task_without_labelled_rows_is_none_and_left_out(targets, predictions, losses):
    targets["topics"][:] = NAN
    evaluation = evaluate_tasks(TASKS, targets, predictions, losses)
    assert evaluation["tasks"]["topics"] is None
    rest = evaluate_tasks([MOOD, STARS], targets, predictions, losses)
    assert evaluation == {**rest, "tasks": evaluation["tasks"]}


def test_no_labelled_row_at_all_has_no_score(targets, predictions):
    targets["mood"][:] = -1
    evaluation = evaluate_tasks([MOOD], targets, predictions)
    assert evaluation["tasks"] == {"mood": None}
    assert math.isnan(evaluation["score"])


def test_the_loss_is_the_weighted_sum_of_the_tasks_losses(targets, predictions, losses):
    assert evaluate_tasks(TASKS, targets, predictions, losses)["loss"] == 2 * 0.5 + 0.25 + 1.0


def test_logs_hold_every_scalar_under_the_names_that_a_config_may_monitor(
    targets, predictions, losses
):
    logs = flat_logs(evaluate_tasks(TASKS, targets, predictions, losses), prefix="val_")
    assert set(logs) == {f"val_{name}" for name in monitor_names(TASKS)}
    assert {type(value) for value in logs.values()} == {float}
    assert logs["val_mood_accuracy"] == pytest.approx(2 / 3)


def test_logs_leave_out_a_task_without_labelled_rows(targets, predictions, losses):
    targets["topics"][:] = NAN
    logs = flat_logs(evaluate_tasks(TASKS, targets, predictions, losses))
    assert not any("topics" in name for name in logs)


def test_the_baseline_is_the_most_frequent_class_and_the_mean(targets):
    training = {
        "mood": np.array([1, 1, 0, -1], "int32"),
        "topics": np.array([[0, 1, 0], [1, 1, 0], [NAN] * 3], "float32"),
        "stars": np.array([1, 3, NAN], "float32"),
    }
    constants = {task.name: task.constant_prediction(training[task.name]) for task in TASKS}
    found = baseline(TASKS, constants, targets)["tasks"]
    assert found["mood"]["accuracy"] == pytest.approx(2 / 3)
    assert found["topics"]["classes"]["green"]["recall"] == 1.0
    assert found["topics"]["classes"]["red"]["recall"] == 0.0
    assert found["stars"]["r2"] == pytest.approx(0.0)
