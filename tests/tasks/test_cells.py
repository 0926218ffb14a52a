"""Partly known cells of a several-label task, and the decisions on its probabilities."""

import copy
import json
import math

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mtc_keras.data.label_cells import label_cells
from mtc_keras.scoring.judging import evaluate_tasks
from mtc_keras.tasks import Decision, Multiclass, Multilabel
from tests.conftest import own_block, read_block

NAN = math.nan
CLASSES = ["E1", "E2", "E3"]
TASK = Multilabel(name="errors", classes=CLASSES)
MOOD = Multiclass(name="mood", classes=["bad", "fine", "good"])
same_examples = settings(derandomize=True, deadline=None, max_examples=50)
bits = st.one_of(st.none(), st.sampled_from([0, 1]))
tables = st.dictionaries(st.sampled_from(CLASSES), bits)


def encoded(cells, task=TASK):
    """Returns the targets of cells without a mistake, NaN as `None`."""
    targets, mistakes = task.encode(cells)
    assert mistakes == []
    return [[None if math.isnan(value) else int(value) for value in row] for row in targets]


def mistake(cell, task=TASK):
    """Returns the message about a wrong cell, which counts as missing."""
    targets, mistakes = task.encode([cell])
    assert np.isnan(targets).all()
    (position, message), *others = mistakes
    assert (position, others) == (0, [])
    return message


# === Cells that tell some classes by 0 or 1 ===


def test_a_table_tells_presence_absence_and_what_is_not_known():
    assert encoded([{"E1": 1, "E2": 0, "E3": None}]) == [[1, 0, None]]


@same_examples
@given(tables)
def test_a_table_and_its_json_text_are_the_same_label(table):
    expected = [table.get(name) for name in CLASSES]
    assert encoded([table, json.dumps(table), f"  {json.dumps(table)} "]) == [expected] * 3


def test_classes_that_a_table_does_not_name_are_not_known():
    assert encoded([{"E2": 1}, '{"E2": 0}', {}]) == [[None, 1, None], [None, 0, None], [None] * 3]


def test_lists_and_text_still_tell_every_class():
    assert encoded([["E1"], "E1|E3", {"E1": 1}]) == [[1, 0, 0], [1, 0, 1], [1, None, None]]


@pytest.mark.parametrize(
    "value, bit", [(True, 1), (False, 0), (1.0, 1), ("1", 1), (" 0 ", 0), ("", None)]
)
def test_a_bit_may_be_written_in_several_ways(value, bit):
    assert encoded([{"E1": value}]) == [[bit, None, None]]


@pytest.mark.parametrize("value", [2, -1, 0.5, "maybe", [1], {"E1": 1}, float("inf")])
def test_values_other_than_0_and_1_are_refused(value):
    assert "expected only 0, 1 or null" in mistake({"E1": value, "E2": 1})


@pytest.mark.parametrize("text", ['{"E1": 0.5}', '{"E1": 2}', '{"E1": "maybe"}'])
def test_values_other_than_0_and_1_are_refused_in_json(text):
    assert "expected only 0, 1 or null" in mistake(text)


def test_json_that_does_not_close_is_refused_as_a_table():
    assert "expected a JSON table" in mistake('{"E1": 1')


def test_an_unknown_key_is_named_with_the_nearest_known_one():
    assert "class 'E4' is unknown" in mistake({"E1": 1, "E4": 0})
    named = Multilabel(name="topics", classes=["queue", "form"])
    assert "Did you mean 'queue'?" in mistake('{"queu": 1}', named)


def test_unknown_keys_may_be_ignored():
    task = Multilabel(name="errors", classes=CLASSES, unknown_classes="ignore")
    assert encoded([{"E1": 1, "E9": 0}, {"E9": 1}], task) == [[1, None, None], [None] * 3]


def test_classes_are_learned_from_the_keys_whatever_their_values():
    cells = [{"E10": 0, "E2": 1}, '{"E3": null}', ["E1"], None]
    assert Multilabel(name="errors").learn(cells).classes == ["E1", "E10", "E2", "E3"]


def test_a_column_of_tables_comes_from_csv_and_from_jsonl(tmp_path):
    cells = [{"E1": 1, "E2": 0, "E3": None}, {"E3": 1}, None]
    csv = pd.DataFrame({"text": "abc", "errors": [cell and json.dumps(cell) for cell in cells]})
    csv.to_csv(tmp_path / "rows.csv", index=False)
    lines = [json.dumps({"text": "abc", "errors": cell}) for cell in cells]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    for name in ("rows.csv", "rows.jsonl"):
        found = label_cells(read_block(str(tmp_path / name)), TASK)
        assert (found.mistakes, found.markers) == ([], [])
        assert encoded(found.cells) == [[1, 0, None], [None, None, 1], [None] * 3]


def test_a_column_of_tables_comes_from_a_data_frame_with_its_own_numbers():
    frame = pd.DataFrame({"E1": [1, 0], "E2": [NAN, 1.0]})
    cells = frame.to_dict("records")  # NaN where nothing is known
    cells.append({"E1": np.int64(1), "E3": np.bool_(False)})
    block = own_block(pd.DataFrame({"text": "abc", "errors": cells}), "train")
    found = label_cells(block, TASK)
    assert encoded(found.cells) == [[1, None, None], [0, 1, None], [1, None, 0]]


# === Only known cells count ===

truths = st.integers(1, 12).flatmap(
    lambda rows: st.tuples(
        arrays.arrays("float32", (rows, 3), elements=st.sampled_from([0.0, 1.0, NAN])),
        arrays.arrays("float32", (rows, 3), elements=st.sampled_from([0.0, 1.0])),
    )
)


@same_examples
@given(truths)
def test_scores_are_those_of_the_known_cells(both):
    targets, predictions = both
    known = ~np.isnan(targets)
    if not known.any():
        return
    found = TASK.score(targets, predictions)
    assert found["f1_micro"] == pytest.approx(
        sklearn.metrics.f1_score(targets[known], predictions[known], zero_division=0)
    )
    by_class = []
    for index, name in enumerate(CLASSES):
        cells = known[:, index]
        scores = [
            score(targets[cells, index], predictions[cells, index], zero_division=0)
            if cells.any()
            else 0.0
            for score in (
                sklearn.metrics.precision_score,
                sklearn.metrics.recall_score,
                sklearn.metrics.f1_score,
            )
        ]
        own = found["classes"][name]
        assert [own["precision"], own["recall"], own["f1"]] == pytest.approx(scores)
        assert own["support"] == int(np.nansum(targets[:, index]))
        by_class.append(scores[2])
    assert found["f1_macro"] == pytest.approx(np.mean(by_class))
    rows = known.any(axis=1)
    right = [
        (truth == predicted)[cells].all()
        for truth, predicted, cells in zip(targets, predictions, known, strict=True)
    ]
    assert found["accuracy"] == pytest.approx(np.mean(np.array(right)[rows]))


def test_what_is_predicted_for_unknown_cells_changes_no_metric():
    targets = TASK.encode([{"E1": 1, "E2": 0}, {"E3": 1}, ["E1"]])[0]
    predictions = np.array([[1, 1, 0], [0, 0, 1], [1, 0, 0]], "float32")
    before = evaluate_tasks([TASK], {"errors": targets}, {"errors": predictions})
    predictions[np.isnan(targets)] = 1 - predictions[np.isnan(targets)]
    assert evaluate_tasks([TASK], {"errors": targets}, {"errors": predictions}) == before


def test_log_loss_brier_score_and_calibration_take_known_cells_alone():
    targets = np.array([[1, 0, NAN], [NAN, NAN, NAN], [NAN, 1, 0]], "float32")
    p = np.array([[0.9, 0.4, 0.1], [0.2, 0.2, 0.2], [0.6, 0.7, 0.25]], "float32")
    truth, stated = [1, 0, 1, 0], [0.9, 0.4, 0.7, 0.25]
    assert TASK.log_loss(targets, p) == pytest.approx(sklearn.metrics.log_loss(truth, stated))
    expected = sklearn.metrics.brier_score_loss(truth, stated)
    assert TASK.brier_score(targets, p) == pytest.approx(expected)
    probabilities, came_true = TASK.reliability(targets, p)
    assert probabilities == pytest.approx(stated)
    assert came_true.tolist() == [True, False, True, False]


def test_a_partly_known_row_is_right_if_its_known_classes_are():
    targets = TASK.encode([{"E1": 1, "E2": 0}, {"E1": 1, "E2": 0}])[0]
    predictions = np.array([[1, 0, 1], [1, 1, 0]], "float32")
    assert TASK.right(targets, predictions).tolist() == [True, False]


def test_counts_are_of_known_cells():
    targets = TASK.encode([{"E1": 1, "E2": 0}, {"E1": 0}, ["E1"], None])[0]
    measured = TASK.measure(targets)
    assert measured.class_counts == [2, 0, 0]
    assert measured.label_counts == [3, 2, 1]


def test_a_label_is_shown_where_any_class_is_known():
    targets = TASK.encode([{"E1": 1, "E2": 0}, {"E2": 0}, {}])[0]
    assert [TASK.label(row) for row in targets] == [["E1"], [], None]


# === Thresholds and temperature ===


@pytest.mark.parametrize("value", [-0.01, 1.01, NAN, math.inf, True, "0.5", None])
def test_a_threshold_outside_0_to_1_is_refused_on_every_way_in(value):
    decision = TASK.decision()
    with pytest.raises(ValueError, match="between 0 and 1"):
        TASK.decision(thresholds={"E1": value})
    with pytest.raises(ValueError, match="between 0 and 1"):
        decision.thresholds["E1"] = value
    with pytest.raises(ValueError, match="between 0 and 1"):
        decision.thresholds.update({"E1": value})
    with pytest.raises((TypeError, ValueError)):
        decision.thresholds |= {"E1": value}
    assert decision.threshold_array.tolist() == [0.5] * 3


@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0])
def test_0_and_1_are_thresholds(value):
    decision = TASK.decision(thresholds={"E1": value})
    p = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]], "float32")
    assert TASK.decide(p, decision)[:, 0].tolist() == [float(value == 0), 1.0]


def test_a_threshold_of_an_unknown_class_is_refused_with_the_nearest_known_one():
    task = Multilabel(name="topics", classes=["queue", "form"])
    for change in (
        lambda: task.decision(thresholds={"queu": 0.2}),
        lambda: task.decision().thresholds.__setitem__("queu", 0.2),
        lambda: task.decision().thresholds.update(queu=0.2),
    ):
        with pytest.raises(ValueError, match=r"'queu' has no threshold. Did you mean 'queue'\?"):
            change()
    thresholds = task.decision().thresholds
    with pytest.raises((TypeError, ValueError)):
        thresholds |= {"queu": 0.2}
    assert list(thresholds) == ["queue", "form"]


def test_a_copy_of_thresholds_keeps_their_values_and_is_set_alone():
    thresholds = TASK.decision(thresholds={"E2": 0.2}).thresholds
    other = copy.deepcopy(thresholds)
    assert dict(other) == {"E1": 0.5, "E2": 0.2, "E3": 0.5}
    other["E1"] = 0.9
    assert thresholds["E1"] == 0.5


@pytest.mark.parametrize("value", [0, -1, -0.5, math.inf, NAN, True, "2", None])
def test_a_temperature_that_is_not_above_0_and_finite_is_refused(value):
    with pytest.raises(ValueError, match="above 0 and finite"):
        Decision(temperature=value)
    decision = MOOD.decision(temperature=2.0)
    with pytest.raises(ValueError, match="above 0 and finite"):
        decision.temperature = value
    assert decision.temperature == 2.0


def test_a_task_of_one_class_a_row_has_no_thresholds():
    assert dict(MOOD.decision().thresholds) == {}
    with pytest.raises(ValueError, match="'bad' has no threshold"):
        MOOD.decision().thresholds = {"bad": 0.2}


def test_a_class_is_predicted_from_its_threshold_on():
    below, at, above = np.float32(0.3), np.nextafter(np.float32(0.3), 1, dtype="f4"), 0.31
    below = np.nextafter(below, 0, dtype="float32")
    decision = TASK.decision(thresholds=dict.fromkeys(CLASSES, 0.3))
    p = np.array([[below, 0.3, at], [above, 0.5, 0.0]], "float32")
    assert TASK.decide(p, decision).tolist() == [[0, 1, 1], [1, 1, 0]]
    assert TASK.decide(np.array([[0.5, 0.49, 0.51]], "float32")).tolist() == [[1, 0, 1]]


def test_an_assigned_threshold_acts_on_what_is_decided():
    p = np.array([[0.4, 0.4, 0.6]], "float32")
    decision = TASK.decision()
    assert TASK.decide(p, decision).tolist() == [[0, 0, 1]]
    decision.thresholds["E1"] = 0.3
    assert TASK.decide(p, decision).tolist() == [[1, 0, 1]]
    decision.thresholds = {"E2": 0.4, "E3": 0.7}  # others are 0.5 again
    assert TASK.decide(p, decision).tolist() == [[0, 1, 0]]
    assert TASK.decide(p, TASK.decision()).tolist() == [[0, 0, 1]]


def test_decisions_are_equal_by_value_and_come_back_from_plain_values():
    decision = TASK.decision(temperature=1.5, thresholds={"E2": 0.25})
    values = json.loads(json.dumps(decision.to_dict()))
    assert Decision(CLASSES, **values) == decision
    assert decision != TASK.decision()
    assert "E2" in repr(decision)


# === Confidence and abstaining ===

P = np.array([0.9, 0.4, 0.2], "float32")


def test_confidence_of_several_labels_is_the_product_of_their_probabilities():
    assert TASK.confidence(P[None]) == pytest.approx(0.9 * 0.6 * 0.8)


def test_confidence_is_that_of_the_decision_made():
    decision = TASK.decision(thresholds={"E1": 0.95, "E2": 0.3})
    assert TASK.confidence(P[None], decision) == pytest.approx(0.1 * 0.4 * 0.8)


def test_confidence_of_one_class_is_its_probability():
    p = np.array([[0.2, 0.7, 0.1], [0.5, 0.25, 0.25]], "float32")
    assert MOOD.confidence(p) == pytest.approx([0.7, 0.5])


def test_labels_are_described_as_they_are_decided():
    task = Multilabel(name="errors", classes=CLASSES, class_names={"E1": "missing stop"})
    found = task.describe(P, task.decision(thresholds={"E2": 0.4}))
    assert found["labels"] == ["missing stop", "E2"]
    expected = {"missing stop": 0.9, "E2": 0.4, "E3": 0.2}
    assert found["probabilities"] == pytest.approx(expected)
    assert set(found) == {"labels", "probabilities"}
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("bound, abstained", [(0.0, False), (0.43, False), (0.44, True), (1, True)])
def test_rows_less_sure_than_asked_have_no_labels(bound, abstained):
    found = TASK.describe(P, abstain_below=bound)
    assert found["confidence"] == pytest.approx(0.9 * 0.6 * 0.8)
    assert found["abstained"] is abstained
    assert found["labels"] == (None if abstained else ["E1"])
    assert found["probabilities"] == pytest.approx({"E1": 0.9, "E2": 0.4, "E3": 0.2})
    assert json.loads(json.dumps(found)) == found


def test_labels_exactly_as_sure_as_asked_are_told():
    p = np.array([0.75, 0.5, 0.25], "float32")  # 0.75 · 0.5 · 0.75
    found = TASK.describe(p, abstain_below=0.28125)
    assert (found["confidence"], found["labels"]) == (0.28125, ["E1", "E2"])


@pytest.mark.parametrize(
    "bound, abstained", [(0.0, False), (0.625, False), (0.626, True), (1, True)]
)
def test_a_class_less_sure_than_asked_is_not_told(bound, abstained):
    found = MOOD.describe(np.array([0.25, 0.625, 0.125], "float32"), abstain_below=bound)
    assert found == {
        "label": None if abstained else "fine",
        "probability": 0.625,
        "confidence": 0.625,
        "abstained": abstained,
    }


@pytest.mark.parametrize("cell", [{"a": 0, "a ": 1}, {"a": 1, "0": 0}])
def test_a_table_that_contradicts_itself_is_refused(cell):
    _, mistakes = Multilabel(name="t", classes=["a", "b"]).encode([cell])
    assert "is both 0 and 1" in mistakes[0][1]
