"""Lists that a cell writes as text: as JSON, Python, NumPy, R or a database does."""

import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.config import check_config
from mtc_keras.data.reading import read_splits
from mtc_keras.errors import DataError
from mtc_keras.tasks import Multilabel
from mtc_keras.tasks.written import is_written, written_value
from tests.fuzzing import tries

GENRES = ["Action", "Drama"]
TASK = Multilabel(name="genres", classes=["Action", "Comedy", "Drama"])


def label(cell, task=TASK):
    """Returns the label that a cell is read as; it must be no mistake."""
    targets, mistakes = task.encode([cell])
    assert mistakes == []
    return task.label(targets[0])


def mistake(cell, task=TASK):
    [(_, message)] = task.encode([cell])[1]
    return message


@pytest.mark.parametrize(
    "cell",
    [
        "['Action', 'Drama']",
        "[\"Action\", 'Drama']",
        " [ 'Action' , 'Drama', ] ",
        "('Action', 'Drama')",
        "{'Drama', 'Action'}",
        "frozenset({'Drama', 'Action'})",
        "['Action' 'Drama']",
        "['Action'\n 'Drama']",
        "array(['Action', 'Drama'], dtype=object)",
        'c("Action", "Drama")',
        "[Action, Drama]",
        "[Action; Drama]",
        "['Action'; 'Drama']",
        '{Action,"Drama"}',
        "['Action', None, 'Drama']",
        "['Action', 'Drama', nan]",
        '["Action", "Drama", null]',
        '["Action", "Drama", NaN]',
    ],
)
def test_lists_are_read_however_they_are_written_and_told_if_not_as_json(cell):
    assert label(cell) == GENRES
    kinds = [reading.kind for reading in TASK.readings(cell)]
    expected = [] if "null" in cell or "NaN" in cell else ["list"]
    expected += ["null"] * any(word in cell for word in ("None", "nan", "null", "NaN"))
    assert sorted(kinds) == sorted(expected)


@pytest.mark.parametrize("cell", ["[]", "()", "set()", "c()", "character(0)", "array([], dtype=x)"])
def test_an_empty_list_is_none_of_the_classes(cell):
    assert label(cell) == []


@pytest.mark.parametrize("cell", ["[None]", "[nan, None]", "[null]", [None]])
def test_a_list_of_nothing_but_null_is_no_label(cell):
    assert label(cell) is None


@pytest.mark.parametrize("cell", ["(a) note", "c(a", "(none)", "call (me)", "set (a|b)"])
def test_text_that_only_opens_like_a_list_is_names(cell):
    task = Multilabel(name="t").learn([cell, "other"])
    assert label(cell, task) == sorted(cell.split("|"))


def test_tables_and_vectors_are_read_as_python_writes_them():
    targets, mistakes = TASK.encode(["{'Action': 1, 'Drama': False, 'Comedy': None}"])
    assert mistakes == []
    np.testing.assert_array_equal(targets, [[1, np.nan, 0]])
    flags = Multilabel(name="t", classes=["a", "b", "c"], labels="flags")
    for cell in ("[0 1 1]", "[0. 1. 1.]", "(0, 1, 1)", "[False  True\n True]", "c(0, 1, 1)"):
        assert label(cell, flags) == ["b", "c"]
        assert [reading.kind for reading in flags.readings(cell)] == ["list"]


@pytest.mark.parametrize(
    "cell, why",
    [
        ("['Action', ...]", "shortened by '...'"),
        ("['Action' ... 'Drama']", "shortened by '...'"),
        ("['Action''Drama']", "expected a JSON list"),  # Python would read one name
        ("['Action'", "expected a JSON list"),
        ("[__import__('os').system('true')]", "expected a JSON list"),
        ("['Action'] * 9999999999", "expected a JSON list"),
        ("{joy: 1}", "expected a JSON table"),
        ("[" * 100_000, "expected a JSON list"),
        ("['" + "[" * 100_000, "expected a JSON list"),
        ("[" + "-" * 100_000 + "1]", "is unknown"),
        ("{[]}", "expected a JSON table"),
        ("['a\\x']", "expected a JSON list"),
    ],
)
def test_what_is_no_list_is_refused_and_never_evaluated(cell, why):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert why in mistake(cell)


def test_what_is_read_as_a_list_is_told_once_with_its_first_place(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text(
        "text,genres\na,\"['Action', 'Drama']\"\nb,['Comedy']\nc,[]\nd,\"['Action', 'Drama']\"\n"
    )
    tasks = {"genres": {"kind": "multilabel"}}
    found = read_splits(check_config({"data": {"train": str(path)}, "tasks": tasks}))
    assert found.tasks[0].known_classes == ["Action", "Comedy", "Drama"]
    assert found.train.targets["genres"].tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 0, 1]]
    assert [line for line in found.notes if line.startswith("tasks.")] == [
        "tasks.genres: 3 cells such as \"['Action', 'Drama']\", \"['Comedy']\" are read as lists, "
        f'\'["Action", "Drama"]\', \'["Comedy"]\', first {path}:2'
    ]
    path.write_text("text,genres\na,['Comedy']\nb,\"['Action', ...]\"\nc,['Action']\n")
    with pytest.raises(DataError, match=r"train.csv:3: tasks.genres: .* shortened by '...'"):
        read_splits(check_config({"data": {"train": str(path)}, "tasks": tasks}))


names = st.text(st.characters(codec="utf-8"), max_size=8)
values = st.none() | st.booleans() | st.integers(-9, 9) | names


@tries(100)
@given(st.lists(values, max_size=5))
def test_fuzz_python_lists_come_back_as_they_were(items):
    assert written_value(repr(items)) == items
    assert written_value(repr(tuple(items))) == items
    assert written_value(json.dumps(items)) == items
    table = {str(number): item for number, item in enumerate(items)}
    assert written_value(repr(table)) == table


@tries(100)
@given(st.lists(names, min_size=1, max_size=5, unique=True))
def test_fuzz_numpy_and_postgres_lists_come_back_as_they_were(items):
    assert written_value("[" + " ".join(map(repr, items)) + "]") == items
    assert written_value("['" + "'\n '".join("ab" for _ in items) + "']") == ["ab"] * len(items)


@tries(200)
@given(st.text("[]{}()'\",;:.0 aNc\\\n") | st.text())
def test_fuzz_any_text_is_a_value_itself_or_refused(text):
    try:
        found = written_value(text)
    except ValueError as error:
        assert str(error).startswith(("expected a JSON list", "expected a JSON table"))
        assert is_written(text)
        return
    assert isinstance(found, (list, dict)) or found is text
    assert is_written(text) == (found is not text)
