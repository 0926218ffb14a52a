"""Temperatures and thresholds: how they are fitted, and what they change in a model."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.scoring.decisions import (
    activate,
    best_threshold,
    fit_decisions,
    fit_temperature,
    fit_thresholds,
)
from mtc_keras.tasks import Decision, Multiclass, Multilabel, Ordinal, Regression

MOOD = Multiclass(name="mood", classes=["bad", "fine", "good"])
TOPICS = Multilabel(name="topics", classes=["bus", "fee", "form"])
STARS = Ordinal(name="stars", classes=["1", "2", "3", "4"])
TASKS = [MOOD, TOPICS, STARS]
by_kind = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)

TEXTS = ["good clerk", "bad queue and slow bus", "fine", "fee form"]


def drawn(task, count=6000, seed=0):
    """Returns logits and the labels drawn from their own probabilities."""
    random = np.random.default_rng(seed)
    width = len(task.classes) - (task.kind == "ordinal")
    logits = random.normal(scale=1.5, size=(count, width)).astype("float32")
    probabilities = activate(task, logits)
    if task.kind == "multilabel":
        return logits, (random.random(probabilities.shape) < probabilities).astype("float32")
    above = probabilities.cumsum(axis=1)[:, :-1] < random.random((count, 1))
    return logits, above.sum(axis=1).astype("int32")


def log_loss(task, targets, logits, temperature):
    return task.log_loss(targets, activate(task, logits, Decision(temperature=temperature)))


def f1(truth, predicted):
    hits = (truth & predicted).sum()
    return 2 * hits / (truth.sum() + predicted.sum()) if hits else 0.0


# === Temperature ===


@by_kind
@pytest.mark.parametrize("factor", [3.0, 0.4])
def test_the_temperature_of_scaled_logits_is_found(task, factor):
    logits, targets = drawn(task)
    assert fit_temperature(task, targets, factor * logits) == pytest.approx(factor, rel=0.1)


@by_kind
def test_no_temperature_nearby_has_a_lower_log_loss(task):
    logits, targets = drawn(task, 500)

    def loss(temperature):
        prior = np.log(temperature) ** 2 / 500  # worth one row
        return log_loss(task, targets, 3 * logits, temperature) + prior

    found = fit_temperature(task, targets, 3 * logits)
    for temperature in found * np.array([0.5, 0.9, 0.97, 1.03, 1.1, 2.0]):
        assert loss(found) <= loss(temperature) + 1e-6


@settings(derandomize=True, deadline=None, max_examples=12)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 12), kind=st.sampled_from([0, 1, 2]))
def test_log_loss_never_rises(seed, rows, kind):
    task, random = TASKS[kind], np.random.default_rng(seed)
    logits, targets = drawn(task, rows, seed)
    logits *= random.choice([0.01, 1.0, 100.0], size=(rows, 1)).astype("float32")
    random.shuffle(targets)
    temperature = fit_temperature(task, targets, logits)
    assert 0.05 <= temperature <= 20
    after = log_loss(task, targets, logits, temperature)
    assert after <= log_loss(task, targets, logits, 1.0) + 1e-9


@by_kind
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_logits_that_are_not_finite_keep_temperature_one(task, wrong):
    logits, targets = drawn(task, 50)
    logits = 3 * logits
    logits[7, 0] = wrong
    assert fit_temperature(task, targets, logits) == 1.0


@by_kind
def test_rows_without_a_label_do_not_count(task):
    logits, targets = drawn(task, 300)
    expected = fit_temperature(task, targets[:200], 3 * logits[:200])
    logits[200:] = np.nan
    targets[200:] = task.missing_target
    assert fit_temperature(task, targets, 3 * logits) == expected


def test_classes_that_a_row_does_not_tell_do_not_count():
    logits, targets = drawn(TOPICS, 600)
    logits *= 3
    targets[::2, :2] = np.nan
    found = fit_temperature(TOPICS, targets, logits)
    assert found == pytest.approx(3, rel=0.25)
    surely = np.where(np.isnan(targets), np.float32(50), logits)
    assert fit_temperature(TOPICS, targets, surely) == found


# === One threshold ===

probability = st.floats(0, 1, width=32)
rows = st.lists(st.tuples(st.booleans(), probability), min_size=1, max_size=12)
tied = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.25, 0.5, 1.0])), min_size=1)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(cells=st.one_of(rows, tied))
def test_no_threshold_has_a_higher_f1(cells):
    truth = np.array([label for label, _ in cells])
    stated = np.array([value for _, value in cells], "float32")
    found = best_threshold(truth, stated, fallback=0.125)
    assert 0 <= found <= 1
    if not truth.any():
        assert found == 0.125
        return
    best = max(f1(truth, stated >= candidate) for candidate in stated)
    assert f1(truth, stated >= np.float32(found)) == pytest.approx(best, abs=1e-12)


def test_a_threshold_tells_neighbours_in_float32_apart():
    low = np.float32(0.3)
    stated = np.array([np.nextafter(low, np.float32(1)), low], "float32")
    for pair in (stated, np.nextafter(stated, np.float32(1))):
        threshold = np.float32(best_threshold(np.array([True, False]), pair))
        assert (pair >= threshold).tolist() == [True, False]


def test_a_threshold_lies_in_the_middle():
    truth = np.array([True, True, False, False])
    stated = np.array([0.75, 0.5, 0.25, 0.125], "float32")
    assert best_threshold(truth, stated) == 0.375
    assert best_threshold(truth[::-1], stated) == 0.0625  # all are taken


def test_of_equally_good_thresholds_the_highest_is_taken():
    truth = np.array([True, False, False, True])
    stated = np.array([0.8, 0.6, 0.4, 0.2], "float32")
    # One of two found and no error, or both found and two errors: F1 is ⅔.
    assert best_threshold(truth, stated) == pytest.approx(0.7)


def test_equal_probabilities_are_taken_together():
    truth = np.array([True, False, False, True])
    stated = np.array([0.5, 0.5, 0.25, 0.25], "float32")
    assert best_threshold(truth, stated) == 0.125


def test_without_a_positive_the_fallback_is_taken():
    assert best_threshold(np.zeros(3, bool), np.array([0.1, 0.5, 0.9])) == 0.5
    assert best_threshold(np.zeros(0, bool), np.zeros(0), fallback=0.3) == 0.3


# === The thresholds of a task ===


@pytest.fixture(scope="module")
def uneven():
    """Labels of falling frequency, the last without a positive, and unsure probabilities."""
    random = np.random.default_rng(3)
    logits = random.normal(size=(800, 5)) * 1.5 + [0, -2, -4, -5, -9]
    targets = (random.random(logits.shape) < expit(logits)).astype("float32")
    targets[:, 4] = 0
    targets[random.random(targets.shape) < 0.1] = np.nan
    assert 0 < np.nansum(targets[:, 3]) < 20
    return targets, expit(logits).astype("float32")


def f1_of_labels(targets, probabilities, thresholds):
    known = ~np.isnan(targets)
    predicted = probabilities >= np.asarray(thresholds, "float32")
    return [
        f1(targets[known[:, label], label] == 1, predicted[known[:, label], label])
        for label in range(targets.shape[1])
    ]


def test_a_number_is_the_threshold_of_every_label(uneven):
    targets, probabilities = uneven
    for number in (0.3, 1):
        found = fit_thresholds(targets, probabilities, number)
        np.testing.assert_array_equal(found, np.full(5, number))


def test_one_threshold_a_task_has_the_highest_f1_micro(uneven):
    targets, probabilities = uneven
    found = fit_thresholds(targets, probabilities, "per_task")
    assert found.shape == (5,) and len(set(found)) == 1
    known = ~np.isnan(targets)
    truth, stated = targets[known] == 1, probabilities[known]
    best = max(f1(truth, stated >= candidate) for candidate in np.unique(stated))
    assert f1(truth, stated >= np.float32(found[0])) == pytest.approx(best, abs=1e-12)


def test_thresholds_of_labels_are_cross_fitted_and_shrunk(uneven):
    targets, probabilities = uneven
    known = ~np.isnan(targets)
    common = best_threshold(targets[known] == 1, probabilities[known])
    fold = np.random.default_rng(11).permutation(len(targets)) % 5
    expected = []
    for label in range(5):
        own = []
        for left_out in range(5):
            rows = known[:, label] & (fold != left_out)
            truth = targets[rows, label] == 1
            own.append(best_threshold(truth, probabilities[rows, label], common))
        positives = np.nansum(targets[:, label])
        expected.append((positives * np.mean(own) + 10 * common) / (positives + 10))
    found = fit_thresholds(targets, probabilities, "per_label", seed=11)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found[4] == common
    assert ((found >= 0) & (found <= 1)).all()


def test_a_seed_gives_the_same_thresholds_again(uneven):
    targets, probabilities = uneven
    first, again, other = (
        fit_thresholds(targets, probabilities, "per_label", seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_fitted_thresholds_raise_f1_where_labels_are_rare(uneven):
    targets, probabilities = uneven
    half = np.mean(f1_of_labels(targets, probabilities, np.full(5, 0.5)))
    for rule in ("per_label", "per_task"):
        found = fit_thresholds(targets, probabilities, rule)
        assert np.mean(f1_of_labels(targets, probabilities, found)) > half


def test_without_any_known_label_thresholds_are_a_half():
    targets, probabilities = np.full((7, 2), np.nan, "float32"), np.full((7, 2), 0.1, "float32")
    for rule in ("per_label", "per_task"):
        np.testing.assert_array_equal(fit_thresholds(targets, probabilities, rule), [0.5, 0.5])


# === The decisions of all tasks ===


@pytest.fixture(scope="module")
def fitted_on():
    number = Regression(name="number", mean=0.0, scale=1.0)
    logits, targets = {"number": np.zeros(400, "float32")}, {"number": np.ones(400, "float32")}
    for task in TASKS:
        drawn_logits, targets[task.name] = drawn(task, 400)
        logits[task.name] = 3 * drawn_logits - (task is TOPICS)
    return [*TASKS, number], targets, logits


def test_tasks_with_probabilities_get_decisions(fitted_on):
    tasks, _, _ = fitted_on
    found = fit_decisions(*fitted_on)
    assert list(found) == ["mood", "topics", "stars"]
    assert all(1.5 < decision.temperature < 6 for decision in found.values())
    assert {name: list(decision.thresholds) for name, decision in found.items()} == {
        "mood": [],
        "topics": tasks[1].classes,
        "stars": [],
    }


@pytest.mark.parametrize("rule", ["per_label", "per_task"])
def test_thresholds_are_fitted_on_calibrated_probabilities(rule, fitted_on):
    tasks, targets, logits = fitted_on
    found = fit_decisions(tasks, targets, logits, rule, seed=4)["topics"]
    calibrated = expit(logits["topics"] / np.float32(found.temperature))
    expected = fit_thresholds(targets["topics"], calibrated, rule, seed=4)
    np.testing.assert_allclose(list(found.thresholds.values()), expected, atol=1e-5)
    raw = fit_thresholds(targets["topics"], expit(logits["topics"]), rule, seed=4)
    assert np.abs(raw - expected).max() > 0.01


def test_without_calibration_temperatures_are_one(fitted_on):
    tasks, targets, logits = fitted_on
    found = fit_decisions(tasks, targets, logits, calibration="none")
    assert {decision.temperature for decision in found.values()} == {1.0}
    expected = fit_thresholds(targets["topics"], expit(logits["topics"]), "per_label")
    np.testing.assert_allclose(list(found["topics"].thresholds.values()), expected, atol=1e-5)
    found = fit_decisions(tasks, targets, logits, 0.2, "none")
    assert set(found["topics"].thresholds.values()) == {0.2}


@pytest.mark.parametrize("calibration", ["temperature", "none"])
def test_rows_without_labels_leave_the_defaults(calibration, fitted_on):
    tasks, targets, logits = fitted_on
    missing = {task.name: np.full_like(targets[task.name], task.missing_target) for task in tasks}
    none = [{name: value[:0] for name, value in values.items()} for values in (targets, logits)]
    for labels_and_logits in ((missing, logits), none):
        found = fit_decisions(tasks, *labels_and_logits, calibration=calibration)
        assert found == {task.name: task.decision() for task in TASKS}


def test_a_model_that_diverged_gets_valid_decisions(fitted_on):
    tasks, targets, logits = fitted_on
    lost = {name: np.full_like(value, np.nan) for name, value in logits.items()}
    found = fit_decisions(tasks, targets, lost)
    assert all(decision.temperature == 1 for decision in found.values())
    assert all(0 <= value <= 1 for value in found["topics"].thresholds.values())


# === Their values ===


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan"), True])
def test_a_threshold_lies_between_zero_and_one(value):
    decision = TOPICS.decision()
    with pytest.raises(ValueError, match="between 0 and 1"):
        decision.thresholds["fee"] = value
    with pytest.raises(ValueError, match="between 0 and 1"):
        decision.thresholds = {"fee": value}
    assert decision == TOPICS.decision()


@pytest.mark.parametrize("value", [0, -1.0, float("inf"), float("nan"), True])
def test_a_temperature_is_above_zero_and_finite(value):
    decision = MOOD.decision()
    with pytest.raises(ValueError, match="above 0 and finite"):
        decision.temperature = value
    assert decision.temperature == 1


def test_thresholds_are_those_of_the_tasks_classes():
    decision = TOPICS.decision(thresholds={"form": 0.2})
    assert dict(decision.thresholds) == {"bus": 0.5, "fee": 0.5, "form": 0.2}
    assert decision.threshold_array.dtype == np.float32
    with pytest.raises(ValueError, match=r"'fees' has no threshold\. Did you mean 'fee'"):
        decision.thresholds["fees"] = 0.3
    with pytest.raises(ValueError, match="'bad' has no threshold"):
        MOOD.decision(thresholds={"bad": 0.3})
    with pytest.raises(TypeError, match="cannot lose its threshold"):
        del decision.thresholds["fee"]
    assert decision == TOPICS.decision(**decision.to_dict())


# === In a model ===


@pytest.fixture
def decided(model):
    """A model with a threshold and temperatures of its own."""
    model.decisions["topics"].thresholds["fee"] = 0.3
    model.decisions["topics"].temperature = 2.0
    model.decisions["pooled_dense"].temperature = 0.5
    return model


def test_temperatures_act_at_once_and_raw_leaves_them_out(model):
    before = model.predict(TEXTS, verbose=0)
    logits = model.predict_logits(TEXTS)
    model.decisions["pooled_dense"].temperature = 0.5
    model.decisions["topics"].temperature = 2.0
    after = model.predict(TEXTS, verbose=0)
    powers = np.exp(2 * logits["pooled_dense"])
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(after["pooled_dense"], expected, rtol=1e-5)
    np.testing.assert_allclose(after["topics"], expit(logits["topics"] / 2), rtol=1e-5)
    assert (np.abs(after["topics"] - before["topics"]) > 0).any()
    np.testing.assert_array_equal(after["a_number"], before["a_number"])
    for name, value in model.predict(TEXTS, verbose=0, raw=True).items():
        np.testing.assert_array_equal(value, before[name])
    (found,) = model.classify(TEXTS[:1])
    assert list(found["topics"]["probabilities"].values()) == pytest.approx(after["topics"][0])


def test_thresholds_act_at_once_and_on_their_class_alone(model):
    before = [row["topics"]["labels"] for row in model.classify(TEXTS)]
    stated = model.predict(TEXTS, verbose=0)["topics"][:, 1]
    threshold = float(stated.max())
    model.decisions["topics"].thresholds["fee"] = threshold
    found = [row["topics"]["labels"] for row in model.classify(TEXTS)]
    assert [("fee" in row) for row in found] == (stated >= threshold).tolist()
    for row, labels in zip(before, found, strict=True):
        assert [name for name in row if name != "fee"] == [n for n in labels if n != "fee"]
    model.decisions["topics"].thresholds["fee"] = 0.0
    assert all("fee" in row["topics"]["labels"] for row in model.classify(TEXTS))


def test_decisions_may_be_set_as_a_whole(model):
    model.decisions = {**model.decisions, "topics": Decision(["bus", "fee", "form", "queue"], 3.0)}
    logits = model.predict_logits(TEXTS)["topics"]
    found = model.predict(TEXTS, verbose=0)["topics"]
    np.testing.assert_allclose(found, expit(logits / 3), rtol=1e-5)


@pytest.mark.parametrize("form", ["keras", "preset"])
def test_decisions_are_saved_with_the_model(form, decided, tmp_path):
    if form == "keras":
        decided.save(tmp_path / "model.keras")
        copy = keras.saving.load_model(tmp_path / "model.keras")
    else:
        decided.save_to_preset(str(tmp_path))
        copy = MultiTaskClassifier.from_preset(str(tmp_path))
    assert copy.decisions == decided.decisions
    assert copy.decisions["topics"].thresholds["fee"] == 0.3
    expected, found = decided.predict(TEXTS, verbose=0), copy.predict(TEXTS, verbose=0)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)
    assert copy.classify(TEXTS) == decided.classify(TEXTS)


def test_a_model_abstains_where_it_is_less_sure_than_asked(decided):
    plain = decided.classify(TEXTS)
    probabilities = decided.predict(TEXTS, verbose=0)
    mood = probabilities["pooled_dense"].max(axis=1)
    chosen = probabilities["topics"] >= decided.decisions["topics"].threshold_array
    topics = np.where(chosen, probabilities["topics"], 1 - probabilities["topics"]).prod(axis=1)
    bound = float(np.sort(mood)[1])  # between the least sure row and the others
    for row, found in enumerate(decided.classify(TEXTS, abstain_below=bound)):
        assert found["pooled_dense"]["abstained"] == (mood[row] < bound)
        assert found["pooled_dense"]["confidence"] == pytest.approx(mood[row])
        label = None if mood[row] < bound else plain[row]["pooled_dense"]["label"]
        assert found["pooled_dense"]["label"] == label
        assert found["topics"]["confidence"] == pytest.approx(topics[row])
        assert found["topics"]["labels"] == (
            None if topics[row] < bound else plain[row]["topics"]["labels"]
        )
        assert found["a_number"] == plain[row]["a_number"]
    (never,) = decided.classify(TEXTS[:1], abstain_below=0)
    assert never["pooled_dense"]["label"] == plain[0]["pooled_dense"]["label"]
    (always,) = decided.classify(TEXTS[:1], abstain_below=1)
    assert always["pooled_dense"]["label"] is None and always["topics"]["labels"] is None


@pytest.mark.parametrize("bound", [1.5, -0.1, float("nan")])
def test_abstaining_needs_a_probability(bound, model):
    with pytest.raises(ValueError, match="abstain_below must lie between 0 and 1"):
        model.classify(TEXTS, abstain_below=bound)
