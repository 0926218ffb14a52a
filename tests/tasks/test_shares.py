"""Cells of votes and probabilities become the share of each class, or a mistake that says how."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.tasks import Multiclass, Multilabel, Ordinal
from tests.fuzzing import tries

NAN = float("nan")
AB = {"classes": ["a", "b"]}
VOTES = {"labels": "votes"}
STATED = {"labels": "probabilities"}
COLUMNS = {"column": ["ann_1", "ann_2", "ann_3"]}
RATED = {"classes": ["1", "2", "3"], **VOTES}


def multiclass(**settings):
    return Multiclass(name="t", **settings)


def multilabel(**settings):
    return Multilabel(name="t", **settings)


def ordinal(**settings):
    return Ordinal(name="t", **settings)


def shares(task, cell):
    [target], mistakes = task.encode([cell])
    assert mistakes == []
    assert target.dtype == np.float32
    return target.tolist()


THIRD, TWO_THIRDS = (float(np.float32(x)) for x in (1 / 3, 2 / 3))
ONE_CLASS = [
    (["a", "a", "b"], [TWO_THIRDS, THIRD]),
    (["a", None, "", "b"], [0.5, 0.5]),
    ('["a", "a", "a"]', [1, 0]),
    ("a|a|b", [TWO_THIRDS, THIRD]),
    ("b", [0, 1]),
    ({"a": 2, "b": 1}, [TWO_THIRDS, THIRD]),
    ({"b": 3}, [0, 1]),
    ('{"a": 0, "b": 4}', [0, 1]),
    ([{"user": 1, "label": "a"}, {"user": 2, "label": "b"}], [0.5, 0.5]),
    ([{"user": 1, "value": "a"}], [1, 0]),
    ([{"worker": 7, "judgement": "b"}], [0, 1]),  # the only text
    ([{"label": None, "user": "x"}, {"label": "b", "user": "y"}], [0, 1]),
    ({"ann_1": "a", "ann_2": "b"}, [0.5, 0.5]),
    ({"label": ["a", "b", "b"], "user": [1, 2, 3]}, [THIRD, TWO_THIRDS]),
    ([["a"], ["b"]], [0.5, 0.5]),
]
NOTHING = [None, "", [], [None, ""], {}, {"a": 0, "b": 0}, "[]"]


@pytest.mark.parametrize(("cell", "expected"), ONE_CLASS)
def test_votes_of_one_class_are_shares_of_the_annotators_who_answered(cell, expected):
    assert shares(multiclass(**AB, **VOTES), cell) == pytest.approx(expected)
    assert shares(ordinal(**AB, **VOTES), cell) == pytest.approx(expected)


@pytest.mark.parametrize("cell", NOTHING)
@pytest.mark.parametrize("task", [multiclass(**AB, **VOTES), multilabel(**AB, **VOTES)])
def test_where_nobody_answered_the_label_is_missing(task, cell):
    assert np.isnan(shares(task, cell)).all()
    assert not task.labelled(task.encode([cell])[0]).any()


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ([["a"], ["a", "b"], []], [TWO_THIRDS, THIRD]),
        ('[["a"], ["b"]]', [0.5, 0.5]),
        ([{"user": 1, "labels": ["a", "b"]}, {"user": 2, "labels": []}], [0.5, 0.5]),
        ([{"user": 1, "label": "a|b"}, {"user": 2, "label": "a"}], [1, 0.5]),
        (["a|b", "a", None], [1, 0.5]),
        ({"ann_1": ["a"], "ann_2": "a|b"}, [1, 0.5]),
        ([["a", "a"], ["b"]], [0.5, 0.5]),  # named twice by one
    ],
)
def test_votes_of_several_classes_are_the_share_that_chose_each(cell, expected):
    assert shares(multilabel(**AB, **VOTES), cell) == pytest.approx(expected)


def test_counts_of_several_classes_need_the_number_of_annotators():
    for cell in (["a", "a", "b"], {"a": 2, "b": 1}, "a|a|b"):
        _, [(_, problem)] = multilabel(**AB, **VOTES).encode([cell])
        assert "annotators = 3" in problem
        task = multilabel(**AB, **VOTES, annotators=4)
        assert shares(task, cell) == [0.5, 0.25]
    _, [(_, problem)] = multilabel(**AB, **VOTES, annotators=2).encode([{"a": 3}])
    assert "3 votes of 2 annotators" in problem


def test_columns_of_annotators_of_whom_some_did_not_answer():
    cells = [["x", "y", "x"], ["y", None, ""], None, [None, "", None]]
    task = multiclass(**COLUMNS, **VOTES).learn([cell for cell in cells if cell])
    assert task.classes == ["x", "y"]
    targets, mistakes = task.encode(cells)
    assert mistakes == []
    assert targets[:2].tolist() == [pytest.approx([2 / 3, 1 / 3]), [0, 1]]
    assert np.isnan(targets[2:]).all()


def test_columns_of_annotators_who_chose_several_classes():
    task = multilabel(**AB, **COLUMNS, **VOTES)
    assert shares(task, ["a|b", "a", ""]) == [1, 0.5]
    task = multilabel(**AB, **COLUMNS, **VOTES, empty_cell="none")
    assert shares(task, ["a|b", "a", ""]) == pytest.approx([2 / 3, 1 / 3])
    assert shares(task, ["a|b", "a", None]) == [1, 0.5]
    assert shares(task, ["", "", ""]) == [0, 0]


def test_columns_that_are_called_as_the_classes_count_votes():
    names = ["hate", "offensive", "neither"]
    task = multiclass(column=names, classes=["neither", "hate", "offensive"], **VOTES)
    assert shares(task, ["0", "3", "1"]) == [0.25, 0, 0.75]
    task = multilabel(column=names, classes=names, **VOTES, annotators=4)
    assert shares(task, ["0", "3", ""]) == [0, 0.75, 0]
    asked = multiclass(column=names, **VOTES)
    cells = [["0", "3", "1"], ["1", "2", "0"]]
    learned = asked.learn(cells)
    [remark] = learned.remarks(asked, cells)
    assert 'classes = ["hate", "offensive", "neither"]' in remark


def test_stars_of_several_raters_are_shares_of_the_ordered_classes():
    assert shares(ordinal(**RATED, **COLUMNS), ["3", "1", "3.0"]) == pytest.approx(
        [1 / 3, 0, 2 / 3]
    )
    assert shares(ordinal(**RATED), [3, 3, 2, 1]) == [0.25, 0.25, 0.5]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ({"a": 0.75, "b": 0.25}, [0.75, 0.25]),
        ({"b": 1}, [0, 1]),
        ('{"a": "0.25", "b": 0.75}', [0.25, 0.75]),
        ([0.25, 0.75], [0.25, 0.75]),
        ("[0.25, 0.75]", [0.25, 0.75]),
        ([{"label": "b", "score": 0.75}, {"label": "a", "score": 0.25}], [0.25, 0.75]),
        ({"sequence": "…", "labels": ["b", "a"], "scores": [0.75, 0.25]}, [0.25, 0.75]),
        ({"a": 0.3, "b": 0.699}, [0.3 / 0.999, 0.699 / 0.999]),
        ({"a": 0.1, "b": 0.9}, [0.1, 0.9]),
        ({"a": None, "b": None}, [NAN, NAN]),
        (None, [NAN, NAN]),
    ],
)
def test_probabilities_of_one_class(cell, expected):
    for task in (multiclass(**AB, **STATED), ordinal(**AB, **STATED)):
        found = shares(task, cell)
        assert found == pytest.approx(expected, nan_ok=True)
        assert np.isnan(found[0]) or np.float32(found).sum() == pytest.approx(1, abs=1e-6)


def test_probabilities_of_several_classes_of_which_some_are_not_known():
    task = multilabel(classes=["a", "b", "c"], **STATED)
    expected = np.float32([0.7, NAN, 0.2]).tolist()
    assert shares(task, {"a": 0.7, "c": 0.2}) == pytest.approx(expected, nan_ok=True)
    assert shares(task, [0.7, None, 0.2]) == pytest.approx(expected, nan_ok=True)


def test_a_column_of_probabilities_per_class():
    task = multiclass(column=["p_no", "p_yes"], **STATED)
    assert task.known_classes == ["p_no", "p_yes"]
    assert shares(task, ["0.25", "0.75"]) == [0.25, 0.75]
    task = multiclass(column=["p_no", "p_yes"], classes=["no", "yes"], **STATED)
    assert task.known_classes == ["no", "yes"]
    assert shares(task, ["0.25", "0.75"]) == [0.25, 0.75]
    with pytest.raises(ValueError, match="2 probabilities for 3 classes"):
        multiclass(column=["p_no", "p_yes"], classes=["no", "yes", "?"], **STATED)


MISTAKES = [
    (multiclass(**AB, **VOTES), {"a": 0.7, "b": 0.3}, 'labels = "probabilities"'),
    (multiclass(**AB, **VOTES), {"a": -1}, "0 or more"),
    (multiclass(**AB, **VOTES), ["a", "c"], "class 'c' is unknown"),
    (multiclass(**AB, **VOTES), [["a", "b"]], 'kind = "multilabel"'),
    (
        multiclass(column="ann", **AB, **VOTES),
        [{"who": "x", "what": "a"}],
        'column = "ann[].who" or column = "ann[].what"',
    ),
    (multiclass(**AB, **STATED), {"a": 0.7, "b": 0.2}, "normalise = true"),
    (multiclass(**AB, **STATED), {"a": 70, "b": 30}, "normalise = true"),
    (multiclass(**AB, **STATED), {"a": 1.5, "b": -0.5}, "below 0"),
    (multiclass(**AB, **STATED), {"a": NAN, "b": 1.0}, "expected numbers"),
    (multiclass(**AB, **STATED), {"a": None, "b": 1.0}, "write 0"),
    (multiclass(**AB, **STATED), "a", 'labels = "votes"'),
    (multiclass(**AB, **STATED), [0.2, 0.3, 0.5], "expected 2 probabilities"),
    (multiclass(**AB, **STATED), {"a": 0.5, "c": 0.5}, "class 'c' is unknown"),
    (multiclass(**AB, **STATED), {"a": 0.5, " a": 0.5}, "two probabilities"),
    (multiclass(**AB, **STATED), {"a": True, "b": 0}, "expected numbers"),
    (multilabel(**AB, **STATED), {"a": 70, "b": 30}, "divide percentages by 100"),
]


@pytest.mark.parametrize(("task", "cell", "message"), MISTAKES)
def test_a_mistake_says_what_would_help(task, cell, message):
    targets, [(row, problem)] = task.encode([cell])
    assert row == 0
    assert message in problem
    assert np.isnan(targets).all()


def test_the_line_that_a_mistake_gives_reads_the_cell():
    assert shares(multiclass(**AB, **STATED), {"a": 0.7, "b": 0.3}) == pytest.approx([0.7, 0.3])
    divided = multiclass(**AB, **STATED, normalise=True)
    assert shares(divided, {"a": 70, "b": 30}) == pytest.approx([0.7, 0.3])
    assert shares(divided, {"a": 0.75}) == [1, 0]
    assert shares(multiclass(**AB, **VOTES), "a") == [1, 0]


def test_one_class_per_row_that_meets_several_answers_names_the_line_that_reads_them():
    for cell, labels in (
        (["a", "b"], VOTES),
        ({"a": 2, "b": 2}, VOTES),
        ({"a": 0.5, "b": 0.5}, STATED),
    ):
        _, [(_, problem)] = multiclass(**AB).encode([cell])
        [line] = [f'labels = "{name}"' for name in labels.values()]
        assert line in problem
        assert shares(multiclass(**AB, **labels), cell) == [0.5, 0.5]
    cells = ["x;x;y", "y;x;x", "x", "y"]
    asked = multiclass(**VOTES)
    [remark] = asked.learn(cells).remarks(asked, cells)
    assert 'separator = ";"' in remark
    asked = multiclass(**VOTES, separator=";")
    assert asked.learn(cells).classes == ["x", "y"]
    assert asked.learn(cells).remarks(asked, cells) == []


def test_classes_to_be_ignored_are_left_out_of_votes_and_probabilities():
    ignoring = {"unknown_classes": "ignore"}
    assert shares(multiclass(**AB, **VOTES, **ignoring), ["a", "b", "c"]) == [0.5, 0.5]
    assert np.isnan(shares(multiclass(**AB, **VOTES, **ignoring), ["c", "c"])).all()
    assert shares(multiclass(**AB, **STATED, **ignoring), {"a": 0.25, "b": 0.25, "c": 0.5}) == [
        0.5,
        0.5,
    ]
    assert np.isnan(shares(multiclass(**AB, **STATED, **ignoring), {"c": 1.0})).all()


def test_classes_are_learned_from_votes_and_from_tables_in_any_spelling():
    cells = [["2", 1], {"1.0": 3, "2": 1}, [{"label": "3"}]]
    task = multiclass(**VOTES).learn(cells)
    assert task.classes == ["1", "2", "3"]
    assert shares(task, ["1.0", 2]) == [0.5, 0.5, 0]
    stated = multiclass(**STATED).learn([{"joy": 0.7, "anger": 0.3}])
    assert stated.classes == ["anger", "joy"]
    with pytest.raises(ValueError, match="needs `classes` in its order"):
        multiclass(**STATED).learn([[0.5, 0.5]])


def test_a_vector_that_all_classes_share_is_read_to_the_last_bit():
    drawn = np.random.default_rng(0).dirichlet(np.ones(50), 20).astype("float32")
    task = multiclass(num_classes=50, **STATED)
    for row in drawn:
        assert shares(task, [float(str(p)) for p in row]) == row.tolist()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"separator": "|"}, 'separator belongs to kind = "multilabel"'),
        ({"normalise": True}, "normalise belongs to"),
        ({"normalise": True, **VOTES}, "normalise belongs to"),
    ],
)
def test_keys_without_effect_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        multiclass(**settings)
    with pytest.raises(ValueError, match="annotators belongs to"):
        multilabel(annotators=3)


cells_of_anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["a", "b", "a|b"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "label", "score", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
TASKS = [
    kind(**AB, **labels) for kind in (multiclass, multilabel, ordinal) for labels in (VOTES, STATED)
]


@tries(60)
@given(cell=cells_of_anything)
def test_fuzz_any_cell_is_shares_or_a_mistake(cell):
    for task in TASKS:
        targets, mistakes = task.encode([cell])
        assert targets.shape == (1, 2)
        known = ~np.isnan(targets)
        assert (targets[known] >= 0).all()
        assert (targets[known] <= 1).all()
        if mistakes:
            assert not known.any()
        elif task.kind != "multilabel" and known.any():
            assert targets.sum() == pytest.approx(1, abs=1e-6)
