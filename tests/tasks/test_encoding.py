"""Cells to targets and back, for every kind of task and every layout of labels."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtc_keras.tasks import Multiclass, Multilabel, Regression, known_kinds, task_from_config

repeatable = settings(derandomize=True, deadline=None)

class_names = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="|"), min_size=1, max_size=8)
    .map(str.strip)
    .filter(bool),
    min_size=2,
    max_size=6,
    unique=True,
)
numbers = st.floats(-1e6, 1e6, width=32)


def encoded(task, *cells):
    targets, mistakes = task.encode(cells)
    assert mistakes == []
    return targets


def mistake(task, cell):
    """Returns the message on a cell, which must count as missing."""
    targets, mistakes = task.encode([cell])
    assert not task.labelled(targets).any()
    [(position, message)] = mistakes
    assert position == 0
    return message


# === Properties of every kind ===


@repeatable
@given(class_names, st.data())
def test_a_multiclass_label_comes_back_as_it_was(classes, data):
    cells = data.draw(st.lists(st.sampled_from([*classes, None]), min_size=1))
    task = Multiclass(name="t", classes=classes)
    assert [task.label(target) for target in encoded(task, *cells)] == cells


@repeatable
@given(class_names, st.data())
def test_multilabel_sets_come_back_in_the_order_of_the_classes(classes, data):
    subsets = st.none() | st.lists(st.sampled_from(classes), unique=True)
    cells = data.draw(st.lists(subsets, min_size=1))
    task = Multilabel(name="t", classes=classes)
    found = [task.label(target) for target in encoded(task, *cells)]
    assert found == [c and sorted(c, key=classes.index) for c in cells]


@repeatable
@given(st.lists(st.none() | numbers, min_size=1))
def test_a_number_comes_back_as_it_was(cells):
    task = Regression(name="t")
    assert [task.label(target) for target in encoded(task, *cells)] == cells


@pytest.mark.parametrize(
    "task",
    [
        Multiclass(name="t", classes=["a", "b"]),
        Multilabel(name="t", classes=["a", "b"]),
        Multilabel(name="t", column=["a", "b"], classes=["a", "b"]),
        Regression(name="t"),
    ],
    ids=lambda task: f"{task.kind}-{task.path}",
)
@pytest.mark.parametrize("cell", [None, "", " \t"])
def test_missing_stays_missing(task, cell):
    targets = encoded(task, cell)
    assert not task.labelled(targets).any()
    assert task.label(targets[0]) is None
    assert targets.dtype == task.target_dtype


@repeatable
@given(class_names, st.data())
def test_the_order_of_the_rows_changes_neither_classes_nor_targets(classes, data):
    rows = st.none() | st.lists(st.sampled_from(classes), unique=True)
    cells = [*[[name] for name in classes], *data.draw(st.lists(rows))]
    order = data.draw(st.permutations(range(len(cells))))
    task = Multilabel(name="t").learn(cells)
    shuffled = Multilabel(name="t").learn([cells[index] for index in order])
    assert shuffled == task
    np.testing.assert_array_equal(
        encoded(shuffled, *[cells[index] for index in order]), encoded(task, *cells)[order]
    )


@repeatable
@given(st.lists(numbers, min_size=1), st.randoms())
def test_the_order_of_the_rows_hardly_changes_mean_and_scale(cells, random):
    task = Regression(name="t").learn(cells)
    shuffled = Regression(name="t").learn(random.sample(cells, len(cells)))
    assert shuffled.mean == pytest.approx(task.mean)
    assert shuffled.scale == pytest.approx(task.scale)


def test_no_rows_make_empty_targets_of_the_right_shape():
    assert encoded(Multiclass(name="t", classes=["a", "b"])).shape == (0,)
    assert encoded(Multilabel(name="t", classes=["a", "b"])).shape == (0, 2)
    assert encoded(Regression(name="t")).shape == (0,)


def test_a_learned_task_comes_back_from_its_own_config():
    for task in (
        Multiclass(name="a", class_names={"x": "nice"}).learn(["x", "y"]),
        Multilabel(name="b", column=["x", "y"], loss_weight=2.0).learn([]),
        Regression(name="c").learn([1, 2]),
    ):
        assert task_from_config(task.model_dump()) == task
        assert type(task) is known_kinds()[task.kind]


# === Classes ===


def test_classes_are_learned_in_natural_order():
    assert Multiclass(name="t").learn([10, 9, None, "b", "a", 9.0]).classes == ["9", "10", "a", "b"]


def test_listed_classes_keep_their_order():
    assert Multiclass(name="t", classes=["b", "a"]).learn(["a"]).classes == ["b", "a"]


@pytest.mark.parametrize(
    ("value", "name"), [(2, "2"), (2.0, "2"), (" a ", "a"), (True, "true"), (False, "false")]
)
def test_a_cell_names_its_class_whatever_its_type(value, name):
    task = Multiclass(name="t", classes=[name, "other"])
    assert encoded(task, value).tolist() == [0]


def test_class_names_are_what_people_see():
    task = Multiclass(name="t", classes=["S1", "S2"], class_names={"S1": "very positive"})
    assert [task.label(target) for target in encoded(task, "S1", "S2")] == ["very positive", "S2"]
    assert task.describe(np.array([0.75, 0.25])) == {"label": "very positive", "probability": 0.75}


def test_class_names_of_unknown_classes_are_refused_once_classes_are_known():
    with pytest.raises(ValueError, match="'S9', which is none of the classes"):
        Multiclass(name="t", classes=["S1", "S2"], class_names={"S9": "x"})
    with pytest.raises(ValueError, match="'S9', which is none of the classes"):
        Multiclass(name="t", class_names={"S9": "x"}).learn(["S1", "S2"])


def test_an_unknown_class_is_named_with_the_nearest_known_one():
    message = mistake(Multiclass(name="t", classes=["positive", "negative"]), "positiv")
    assert "class 'positiv' is unknown" in message
    assert "Did you mean 'positive'?" in message
    assert 'unknown_classes = "ignore"' in message


def test_unknown_classes_are_missing_if_ignored():
    single = Multiclass(name="t", classes=["a", "b"], unknown_classes="ignore")
    assert encoded(single, "x", "b").tolist() == [-1, 1]
    several = Multilabel(name="t", classes=["a", "b"], unknown_classes="ignore")
    assert encoded(several, ["x", "b"]).tolist() == [[0, 1]]


def test_two_labels_in_a_single_label_cell_are_refused_with_the_remedy():
    message = mistake(Multiclass(name="t", classes=["a", "b"]), ["a", "b"])
    assert message == (
        "expected one label, received 2: ['a', 'b']; kind = \"multilabel\" takes several, "
        'labels = "votes" the answers of annotators'
    )
    assert encoded(Multiclass(name="t", classes=["a", "b"]), ["b"]).tolist() == [1]


@pytest.mark.parametrize("cells", [[], [None, ""], ["a", "a"]])
def test_fewer_than_two_classes_are_no_task(cells):
    with pytest.raises(ValueError, match=r"column 't'; a task needs two or more$"):
        Multiclass(name="t").learn(cells)


def test_no_class_found_says_why_cells_could_not_be_read():
    with pytest.raises(ValueError, match=r"found 0 classes .*expected one label, received 2"):
        Multiclass(name="t").learn([["a", "b"], ["a", "c"]])


# === Layouts ===


def test_integers_index_listed_classes():
    task = Multiclass(name="t", column="labels[0]", classes=["low", "high"])
    assert encoded(task, 1, 0, None).tolist() == [1, 0, -1]
    assert "index 2 is outside 0 … 1" in mistake(task, 2)
    assert "index -1 is outside 0 … 1" in mistake(task, -1)


def test_integers_name_classes_that_read_as_integers():
    task = Multiclass(name="t", classes=["3", "1", "2"])
    assert encoded(task, 1, "2", 3.0).tolist() == [1, 2, 0]


@pytest.mark.parametrize("kind", [Multiclass, Multilabel])
def test_num_classes_declares_indices(kind):
    task = kind(name="t", column="labels[0]", num_classes=12).learn([])
    assert task.classes == [str(index) for index in range(12)]
    assert encoded(task, 11)[0].tolist() in (11, [0.0] * 11 + [1.0])
    assert "is unknown" in mistake(task, 12)


def test_a_slice_is_one_vector_for_multiclass_with_exactly_one_1():
    task = Multiclass(name="t", column="labels[0:3]").learn([])
    assert task.classes == ["0", "1", "2"]
    vectors = [0, 1, 0], ["0", "0", "1"], [True, False, False], [None, None, None]
    assert encoded(task, *vectors).tolist() == [1, 2, 0, -1]
    for wrong in ([0, 0, 0], [1, 1, 0]):
        assert "expected exactly one 1 in the vector" in mistake(task, wrong)


def test_a_vector_for_multilabel_may_have_single_missing_cells():
    task = Multilabel(name="t", column="labels[0:3]", classes=["a", "b", "c"])
    found = encoded(task, [1, 0, None], [0, 0, 0], [None, "", " "])
    np.testing.assert_array_equal(found, [[1, 0, math.nan], [0, 0, 0], [math.nan] * 3])
    assert task.labelled(found).tolist() == [True, True, False]
    assert task.label(found[0]) == ["a"]


@pytest.mark.parametrize("cell", [[0, 2, 0], [0, 0.5, 1], [0, "z", 1], [0, [1], 1]])
def test_a_vector_holds_only_0_and_1(cell):
    task = Multilabel(name="t", column=["a", "b", "c"], classes=["a", "b", "c"])
    assert "expected only 0, 1 or null" in mistake(task, cell)


def test_a_vector_has_a_position_a_class():
    task = Multilabel(name="t", column="labels[0:3]").learn([])
    assert "expected a list of 3 values 0 or 1" in mistake(task, [0, 1])
    with pytest.raises(ValueError, match="'labels\\[0:3\\]' has 3 positions for 2 classes"):
        Multilabel(name="t", column="labels[0:3]", num_classes=2)


def test_0_1_columns_name_the_classes():
    task = Multilabel(name="t", column=["joy", "fear"]).learn([])
    assert task.classes == ["joy", "fear"]
    assert [task.label(t) for t in encoded(task, ["1", "0"], [1, 1])] == [["joy"], ["joy", "fear"]]


def test_text_is_split_at_the_separator():
    task = Multilabel(name="t", separator=";").learn(["a; b", "c"])
    assert task.classes == ["a", "b", "c"]
    assert encoded(task, "b;;a ; ", "a").tolist() == [[1, 1, 0], [1, 0, 0]]


def test_an_empty_list_is_a_label_and_an_empty_cell_is_none_by_default():
    task = Multilabel(name="t", classes=["a", "b"])
    assert task.labelled(encoded(task, [], "", None)).tolist() == [True, False, False]


def test_an_empty_cell_may_mean_none_of_the_classes():
    task = Multilabel(name="t", classes=["a", "b"], empty_cell="none")
    assert encoded(task, "", " ")[:, 0].tolist() == [0, 0]
    assert not task.labelled(encoded(task, None)).any()


@pytest.mark.parametrize("cell", [{"a": 2}, 1.5, True])
def test_a_cell_that_is_no_set_of_classes_is_refused(cell):
    assert "received" in mistake(Multilabel(name="t", classes=["a", "b"]), cell)


@pytest.mark.parametrize("cell", ["abc", True, [1], math.inf, "1e39", 10**400, "nan"])
def test_a_cell_that_is_no_number_is_refused(cell):
    assert "expected a number" in mistake(Regression(name="t"), cell)


def test_numbers_are_read_from_text():
    assert encoded(Regression(name="t"), "4.5", " 2 ", 3).tolist() == [4.5, 2, 3]


def test_regression_measures_mean_and_scale_and_needs_a_number():
    task = Regression(name="t").learn([1, "3", None])
    assert (task.mean, task.scale) == (2.0, 1.0)
    assert Regression(name="t").learn([5, 5]).scale == 1.0
    with pytest.raises(ValueError, match="column 't' holds no number in any training row"):
        Regression(name="t").learn(["x", None])


def test_every_kind_tells_the_groups_that_a_split_should_keep():
    single = Multiclass(name="t", classes=["a", "b"])
    assert single.class_indicator(encoded(single, "b", None)).tolist() == [[0, 1], [0, 0]]
    several = Multilabel(name="t", classes=["a", "b"])
    assert several.class_indicator(encoded(several, ["a", "b"], None)).tolist() == [[1, 1], [0, 0]]
    number = Regression(name="t")
    quarters = number.class_indicator(encoded(number, *range(8), None))
    assert quarters.sum() == 8
    assert not quarters[8].any()


def test_digits_in_text_index_listed_classes_as_integers_do():
    task = Multiclass(name="a", classes=["low", "high"])
    targets, mistakes = task.encode(["1", 1, "high", "2"])
    assert targets.tolist() == [1, 1, 1, -1]
    assert mistakes == [(3, mistakes[0][1])] and "index 2 is outside 0 … 1" in mistakes[0][1]


def test_a_json_list_in_a_text_cell_is_read_as_a_list():
    task = Multilabel(name="a", classes=["joy", "fear"])
    targets, mistakes = task.encode(['["joy", "fear"]', "[]", "[joy"])
    assert targets[:2].tolist() == [[1, 1], [0, 0]]
    assert "expected a JSON list" in mistakes[0][1]


def test_a_cell_of_ignored_classes_alone_is_missing():
    task = Multilabel(name="a", classes=["joy", "fear"], unknown_classes="ignore")
    targets, _ = task.encode([["hope"], ["hope", "joy"], []])
    assert np.isnan(targets[0]).all()
    assert targets[1:].tolist() == [[1, 0], [0, 0]]


@pytest.mark.parametrize("label", ["--5", "-", "5-", pytest.param("9" * 5000, id="long")])
def test_a_label_that_only_looks_like_an_integer_is_a_class_like_any_other(label):
    assert Multiclass(name="a").learn([label, "10", "9"]).classes == ["9", "10", label]
    with pytest.raises(ValueError, match="is unknown; training knows 'x', 'y'"):
        Multiclass(name="a", classes=["x", "y"]).index_of(label)


@pytest.mark.parametrize(
    "cell", ["--5", "1e999", pytest.param("9" * 5000, id="long"), "5 stars", "nan", "½"]
)
def test_what_is_no_number_is_told_in_words_of_ours(cell):
    with pytest.raises(ValueError, match=r"^expected a number, received '"):
        Regression(name="a").encode_cell(cell)
    [(row, problem)] = Regression(name="a").encode([1.0, cell])[1]
    remedy = f'; if it means that no label is known, set missing = ["{cell}"]'
    if cell == "nan":
        remedy = '; missing = ["nan"] reads it as no label'
    elif len(cell) > 40:  # none that anybody would list
        remedy = ""
    assert (row, problem) == (1, f"expected a number, received {cell!r}{remedy}")


def test_digits_of_other_scripts_are_numbers():
    assert Regression(name="a").encode_cell("١٢") == 12.0
    assert Multiclass(name="a", classes=["x", "y"]).index_of("١") == 1
