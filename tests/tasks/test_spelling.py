"""One label is one class, however it is spelled; what is another class is told, never guessed."""

import unicodedata
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.tasks import Multiclass, Multilabel, Ordinal, Regression, task_from_config
from mtc_keras.tasks.spelling import Reading, class_key, class_name
from tests.fuzzing import tries

CAFE = "Café"
CAFE_IN_PARTS = unicodedata.normalize("NFD", CAFE)


def encoded(task, *cells):
    targets, mistakes = task.encode(cells)
    assert mistakes == []
    return targets.tolist()


def mistake(task, cell):
    [(_, message)] = task.encode([cell])[1]
    return message


# === Whole numbers, Unicode, booleans ===


def test_a_column_that_pandas_wrote_with_a_gap_has_the_classes_of_one_without():
    task = Multiclass(name="stars").learn(["1.0", "2.0", "", "3.0"])
    assert task.classes == ["1", "2", "3"]
    assert encoded(task, "1", "2.0", "3.00", 1, 2.0, "") == [0, 1, 2, 0, 1, -1]


def test_float_and_integer_spellings_in_one_column_are_one_class():
    assert Multiclass(name="stars").learn(["1", "1.0", 1, 1.0, "2"]).classes == ["1", "2"]
    assert Multilabel(name="t").learn(["1.0|2.0", [1, 2], "2"]).classes == ["1", "2"]


@pytest.mark.parametrize("name", ["01", "1e3", "1_000", "1.5", "01.0", "1.", "+1.0", "v1.0"])
def test_what_only_resembles_a_whole_number_is_a_name_as_it_stands(name):
    assert class_name(name) == name


@pytest.mark.parametrize(
    "text, name", [("-2.00", "-2"), ("-0.0", "0"), ("0.0", "0"), (" 7.0 ", "7")]
)
def test_a_whole_number_is_its_digits(text, name):
    assert class_name(text) == name == class_name(float(text))


def test_ordered_classes_are_found_by_the_numbers_of_pandas():
    task = Ordinal(name="stars", classes=["1", "2", "3", "4", "5"])
    assert encoded(task, "5.0", "1.0", 3.0, "2") == [4, 0, 2, 1]


def test_listed_classes_keep_their_own_spelling_and_are_found_by_others():
    task = Multiclass(name="stars", classes=["1.0", "2.0"], class_names={"2": "two"})
    assert task.learn([]).shown_classes == ["1.0", "two"]
    assert encoded(task, "1", 2, "2.0") == [0, 1, 1]


def test_accents_in_one_character_or_two_are_one_class():
    assert CAFE != CAFE_IN_PARTS
    task = Multiclass(name="place").learn([CAFE_IN_PARTS, CAFE, "bar"])
    assert task.classes == [CAFE, "bar"] or task.classes == ["bar", CAFE]
    assert encoded(task, CAFE) == encoded(task, CAFE_IN_PARTS)
    listed = Multiclass(name="place", classes=[CAFE_IN_PARTS, "bar"])
    assert encoded(listed, CAFE) == [0]


def test_true_is_one_class_in_csv_and_in_json_and_keeps_the_spelling_of_the_rows():
    assert Multiclass(name="spam").learn(["True", "False"]).classes == ["False", "True"]
    assert Multiclass(name="spam").learn([True, "False", "True"]).classes == ["False", "true"]
    in_csv = Multiclass(name="spam").learn(["True", "False"])
    assert encoded(in_csv, True, False, "TRUE", "true") == [1, 0, 1, 1]
    in_json = Multiclass(name="spam").learn([True, False])
    assert encoded(in_json, "True", "False") == [1, 0]


@pytest.mark.parametrize("value, bit", [("1.0", 1), ("0.0", 0), ("True", 1), ("FALSE", 0)])
def test_a_bit_is_read_as_pandas_writes_it(value, bit):
    flags = Multilabel(name="flags", column=["toxic", "insult"])
    np.testing.assert_array_equal(encoded(flags, [value, None]), [[bit, np.nan]])


def test_a_whole_float_is_one_class_of_several():
    task = Multilabel(name="t", classes=["1", "2"])
    assert encoded(task, 2.0) == [[0.0, 1.0]]


@pytest.mark.parametrize("value", [Decimal("2.00"), Decimal(2), 2.0, "2.00"])
def test_a_whole_number_of_any_type_names_the_same_class(value):
    task = Multiclass(name="stars", classes=["1", "2"])
    assert encoded(task, value) == [1]
    assert encoded(Regression(name="stars"), value) == [2.0]


@pytest.mark.parametrize("value", [Decimal("Infinity"), Decimal("NaN"), float("inf"), 1.5])
def test_a_number_that_is_not_whole_names_no_class(value):
    for kind in (Multiclass, Multilabel):
        assert "received" in mistake(kind(name="t", classes=["1", "2"]), value)


@pytest.mark.parametrize("text", ["1_000", "1__0", "_1"])
def test_pythons_own_way_to_write_numbers_is_none(text):
    assert "expected a number" in mistake(Regression(name="t"), text)
    assert Multiclass(name="t").learn([text, "1000"]).classes == ["1000", text]


@pytest.mark.parametrize("name", ["--5", "-", "5-", "- 5", "+5"])
def test_what_only_resembles_an_integer_is_read_as_any_name_in_every_form(name):
    for cells in ([name, "5"], [[name], ["5"]], [{name: 1, "5": 0}]):
        task = Multilabel(name="t").learn(cells)
        assert set(task.classes) == {name, "5"}
        assert encoded(task, [name])[0][task.classes.index(name)] == 1
    stars = Ordinal(name="t", classes=[name, "5"], class_names={name: "low"})
    assert (encoded(stars, name), stars.shown_classes) == ([0], ["low", "5"])
    other = Multiclass(name="t", classes=["x", "y"])
    assert f"class {name!r} is unknown" in mistake(other, name)


# === Tables of the config ===


@pytest.mark.parametrize("key", ["class_names", "class_weights"])
def test_tables_of_classes_are_read_by_the_same_rule(key):
    table = {"class_names": {"1.0": "bad"}, "class_weights": {"1.0": 3.0}}[key]
    task = Multiclass(name="stars", **{key: table}).learn(["1", "2"])
    shown = {"class_names": task.shown_classes, "class_weights": task.class_weight_list}[key]
    assert shown == {"class_names": ["bad", "2"], "class_weights": [3.0, 1.0]}[key]


@pytest.mark.parametrize(
    "values",
    [
        {"classes": ["1", "1.0", "2"]},
        {"classes": ["a", "b"], "class_names": {"a": "x", "a ": "y"}},
        {"class_weights": {CAFE: 1.0, CAFE_IN_PARTS: 2.0}},
    ],
)
def test_two_spellings_of_one_class_are_refused_in_a_config(values):
    with pytest.raises(ValueError, match=r"names '.+' and '.+', which are one class"):
        Multiclass(name="t", **values)


def test_a_run_that_tells_two_spellings_apart_still_does():
    old = {"name": "t", "kind": "multiclass", "classes": ["1", "1.0", "a"]}
    task = task_from_config({**old, "class_counts": [3, 4, 5]})
    assert encoded(task, "1", "1.0", "a") == [0, 1, 2]
    assert task.shown_classes == ["1", "1.0", "a"]


# === Positions ===


@pytest.mark.parametrize("cell", ["1", 1, 1.0, "1.0"])
@pytest.mark.parametrize("kind", [Multiclass, Multilabel])
def test_a_number_is_no_position_among_classes_that_were_learned(kind, cell):
    task = kind(name="mood").learn(["bad", "good"])
    message = mistake(task, cell)
    assert "class '1' is unknown; training knows 'bad', 'good'" in message
    assert "list `classes` in their order" in message
    saved = task_from_config(task.model_dump())
    assert "class '1' is unknown" in mistake(saved, cell)


def test_a_table_of_positions_is_refused_where_classes_were_learned():
    task = Multilabel(name="mood").learn([{"bad": 1, "good": 0}])
    assert "class '0' is unknown" in mistake(task, {"0": 1})


def test_a_number_is_a_position_among_listed_classes():
    task = Multiclass(name="mood", classes=["bad", "good"]).learn([])
    assert encoded(task, "1", 0, "1.0", 1.0) == [1, 0, 1, 1]
    assert encoded(task_from_config(task.model_dump()), "1") == [1]
    table = Multilabel(name="mood", classes=["bad", "good"])
    np.testing.assert_array_equal(encoded(table, {"0": 1}), [[1, np.nan]])


def test_classes_of_an_older_run_which_does_not_say_are_read_as_listed():
    task = Multiclass(name="mood", classes=["bad", "good"], class_counts=[1, 2])
    assert encoded(task, "1") == [1]


@pytest.mark.parametrize(
    "name, nearest", [("BUS", "Bus"), ("Bus  stop", "bus stop"), ("bus\u00a0stop", "bus stop")]
)
def test_an_unknown_class_that_differs_in_case_or_blanks_proposes_the_known_one(name, nearest):
    task = Multiclass(name="topic").learn([nearest, "BU", "fee"])
    assert f"Did you mean {nearest!r}?" in mistake(task, name)


# === What is told ===


def test_readings_name_what_stands_there_and_what_it_is_read_as():
    stars = Multiclass(name="stars", classes=["1", "2"])
    assert stars.readings("1.0") == [Reading("name", "1.0", "1")]
    mood = Multiclass(name="mood", classes=["bad", "good"])
    assert mood.readings("1") == [Reading("position", "1", "good")]
    place = Multilabel(name="place", classes=[CAFE, "bar"])
    assert place.readings(f"{CAFE_IN_PARTS}|bar") == [Reading("name", CAFE_IN_PARTS, CAFE)]


def test_an_unknown_class_that_is_ignored_has_a_reading_whatever_its_type():
    mood = Multilabel(name="mood", classes=["bad", "good"], unknown_classes="ignore")
    assert mood.readings(["good", "fine", 7]) == [
        Reading("unknown", "fine"),
        Reading("unknown", "7"),
    ]


@pytest.mark.parametrize("cell", ["good", " good ", 1, None, "", "no class", [["x"]]])
def test_a_cell_that_is_read_as_it_stands_has_no_reading(cell):
    assert Multiclass(name="mood", classes=["bad", "good"]).readings(cell) == []


# === Properties ===

names = st.one_of(
    st.integers(-(10**17), 10**17).map(lambda number: f"{number}.0"),
    st.text(min_size=1, max_size=6),
    st.sampled_from(["True", "TRUE", "01", "--5", "1e3", "½", "١"]),
).filter(str.strip)


@tries(100)
@given(names)
def test_fuzz_a_name_is_its_own_spelling(name):
    assert class_name(class_name(name)) == class_name(name)
    assert class_key(class_key(name)) == class_key(name) == class_key(class_name(name))


@tries(100)
@given(st.lists(names, min_size=2, max_size=6, unique_by=class_key), st.data())
def test_fuzz_listed_and_learned_classes_read_every_spelling_alike(classes, data):
    learned = Multiclass(name="t").learn(classes)
    listed = Multiclass(name="t", classes=learned.classes)
    for name in classes:
        form = data.draw(st.sampled_from(["NFC", "NFD"]))
        cell = f" {unicodedata.normalize(form, name)}\t"
        assert encoded(learned, cell) == encoded(listed, cell) == encoded(learned, name)
    assert sorted(encoded(learned, *classes)) == list(range(len(classes)))


@tries(50)
@given(st.lists(st.integers(-(10**15), 10**15), min_size=2, unique=True))
def test_fuzz_integers_are_the_same_classes_in_every_format(numbers):
    spellings = [numbers, [float(n) for n in numbers], list(map(str, numbers))]
    spellings.append([f"{n}.0" for n in numbers])
    tasks = [Multiclass(name="t").learn(cells) for cells in spellings]
    assert [task.classes for task in tasks] == [tasks[0].classes] * 4
    assert [encoded(tasks[0], *cells) for cells in spellings] == [encoded(tasks[0], *numbers)] * 4


values = st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text()
cells = st.recursive(
    values | st.sampled_from(["[1, 2]", '{"a": 1}', "a|b", "<a><b>", "1.0", "N/A", "١", "[" * 9]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)
KINDS = [
    Multiclass(name="t"),
    Multiclass(name="t", classes=["a", "b"], unknown_classes="ignore"),
    Multiclass(name="t", column=["a", "b"]),
    Multiclass(name="t", column=["a", "b"], labels="names"),
    Multilabel(name="t", column=["a", "b"], labels="names", separator="auto"),
    Multilabel(name="t", classes=["a", "b"], labels="flags"),
    Multilabel(name="t"),
    Multilabel(name="t", separator="auto"),
    Multilabel(name="t", classes=["1", "2"], missing=["a"], empty_cell="none"),
    Multilabel(name="t", column="t[0:2]"),
    Ordinal(name="t", classes=["1.0", "2", "3"]),
    Regression(name="t"),
]


@tries(200)
@given(st.sampled_from(KINDS), st.lists(cells, max_size=5))
def test_fuzz_any_cell_is_a_target_or_a_mistake(task, cells):
    try:
        learned = task.learn(cells)
    except ValueError as error:
        expected = ("a task needs two or more", "holds no number", "or all hold names; labels = ")
        assert any(part in str(error) for part in expected)
        return
    learned.remarks(task, cells)
    for reader in (learned, task) if task.can_encode else (learned,):
        targets, mistakes = reader.encode(cells)
        assert len(targets) == len(cells)
        wrong = {row for row, _ in mistakes}
        assert not reader.labelled(targets)[list(wrong)].any()
        for row, cell in enumerate(cells):
            readings = reader.readings(cell)
            assert not (readings and row in wrong)
    again, _ = task_from_config(learned.model_dump()).encode(cells)
    np.testing.assert_array_equal(again, learned.encode(cells)[0])


# === Numbers with a fraction ===


def test_a_fraction_is_found_where_it_is_known_as_a_class_and_else_says_what_would_help():
    task = Ordinal(name="stars", classes=["1", "1.5", "2"])
    assert encoded(task, 1.5, "1.5", Decimal("1.50"), 2.0, "1.0") == [1, 1, 1, 2, 0]
    assert encoded(Multiclass(name="stars").learn(["1.5", "2.0"]), 1.5, 2, 2.0) == [0, 1, 1]
    message = mistake(task, 2.5)
    assert "received 2.5; list it in `classes` if it is one" in message
    with pytest.raises(ValueError, match="set kind"):
        Multiclass(name="stars").learn([1.5, 2.5])


@pytest.mark.parametrize(
    "cells, classes",
    [
        (["2.0", "1.0", "1.1"], ["1.0", "1.1", "2.0"]),
        (["10.0", "9.5", "2.0", ""], ["2.0", "9.5", "10.0"]),
        (["1.0", "1", "1.5", "2.0"], ["1", "1.5", "2.0"]),  # of two spellings the number's own
        (["1.0", "2.0"], ["1", "2"]),
        (["1.0", 2, "1.5"], ["1", "1.5", "2"]),
    ],
)
def test_beside_fractions_a_whole_number_keeps_its_spelling_and_its_place(cells, classes):
    task = Multiclass(name="version").learn(cells)
    assert task.classes == classes
    for cell in (1, 1.0, "1.0", "1") if "1.5" in classes else ():
        assert encoded(task, cell) == [0]


def test_the_nearest_class_to_a_number_is_that_of_its_value():
    task = Multiclass(name="code", classes=["01", "02", "10"])
    assert "Did you mean '01'?" in mistake(task, 1)


def test_a_comma_between_thousands_is_not_called_a_decimal_one_alone():
    assert "between thousands be left out" in mistake(Regression(name="price"), "1,000")
    assert "between" not in mistake(Regression(name="price"), "4,5")


def test_a_marker_is_a_missing_bit_in_a_column_that_is_called_like_it():
    task = Multilabel(name="region", column=["NA", "EU"])
    assert task.markers({"NA"}) == {"NA"}


# === What looks like something else ===


@pytest.mark.parametrize("cell", [[0, 1, 0], "[0, 1, 0]", [1.0, 1.0], [True, False, False]])
def test_a_list_of_bits_that_is_read_as_names_is_told(cell):
    for task in (
        Multilabel(name="t", num_classes=3),
        Multilabel(name="t", classes=["false", "true", "a"]),
    ):
        kinds = [reading.kind for reading in task.readings(cell)]
        assert kinds[:1] == ["vector"]
    assert Multilabel(name="t", column="t[0:3]").readings(cell) == []


@pytest.mark.parametrize("cell", [[0, 1], ["a", "a"], [2, 2], "0|1", [], {"0": 1}])
def test_a_list_of_names_is_none_of_bits(cell):
    task = Multilabel(name="t", classes=["0", "1", "2", "a"])
    assert not any(reading.kind == "vector" for reading in task.readings(cell))


def test_classes_with_a_quote_at_an_end_are_told():
    cells = ['"Action', 'Drama"', "Comedy"]
    asked = Multiclass(name="genre")
    [remark] = asked.learn(cells).remarks(asked, cells)
    assert remark.startswith("2 of 3 classes such as '\"Action' open or end with a quote")
