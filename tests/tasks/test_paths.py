"""Paths into the values of a column: `labels.sentiment`, `genres[].name`, `labels[0:5]`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtc_keras.tasks.nesting import candidates, nested_paths
from mtc_keras.tasks.paths import (
    ABSENT,
    EACH,
    NestedPath,
    Step,
    found_path,
    overlap,
    pick,
    pick_all,
    readings,
)
from tests.fuzzing import tries

repeatable = settings(derandomize=True, deadline=None)
names = st.text(st.characters(codec="utf-8", exclude_characters=".[]"), min_size=1, max_size=6)
keys = names | st.sampled_from(["a", "b", "name"])
steps: st.SearchStrategy[Step] = (
    keys
    | st.just(EACH)
    | st.integers(0, 20)
    | st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda ends: range(*ends))
)
paths = st.builds(NestedPath, names, st.lists(steps, max_size=5).map(tuple))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


def value_at(column: str, cell: object) -> object:
    path = found_path(column, [column.split(".")[0].split("[")[0]])
    assert path is not None
    return pick(cell, path)


def refusal(column: str, cell: object) -> str:
    with pytest.raises(ValueError) as caught:
        value_at(column, cell)
    return str(caught.value)


@tries(200)
@given(paths)
def test_fuzz_a_path_that_is_written_and_read_again_is_the_same(path):
    found = readings(str(path))
    assert found[-1] == path
    assert {str(one) for one in found} == {str(path)}
    assert found_path(str(path), [path.name]) == path


@tries(200)
@given(paths, st.lists(names, max_size=3))
def test_fuzz_a_column_that_is_called_so_literally_is_the_one(path, others):
    assert found_path(str(path), [*others, path.name, str(path)]) == NestedPath(str(path))


@tries(200)
@given(st.lists(values, max_size=4), paths)
def test_fuzz_whatever_stands_in_cells_is_picked_or_refused(cells, path):
    found = pick_all(cells, path)
    assert len(found.cells) == len(cells)
    assert ABSENT not in found.cells
    assert all(found.cells[row] is None for row, _ in found.mistakes)


@tries(100)
@given(st.lists(values, max_size=4))
def test_fuzz_the_paths_that_are_named_lead_somewhere(cells):
    for way in nested_paths(cells):
        path = NestedPath("c", readings(f"c{way}")[-1].steps)
        assert str(path) == f"c{way}"
        picked = []
        for cell in cells:
            try:
                picked.append(pick(cell, path))
            except ValueError:  # another row has something else there
                picked.append(None)
        assert len(picked) == len(cells)


GENRES = [{"id": 28, "name": "Action"}, {"id": 18, "name": "Drama"}]
EXPORT = [  # of Label Studio
    {"result": [{"value": {"choices": ["bus"]}}, {"value": {"choices": ["fee", "door"]}}]},
    {"result": []},
]


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("labels.tone", {"tone": "sad"}, "sad"),
        ("labels.tone", {"topic": "bus"}, ABSENT),
        ("labels.tone", None, None),
        ("labels.tone", {"tone": None}, None),
        ("labels.tone", '{"tone": "sad"}', "sad"),
        ("labels.tone", "  ", None),
        ("labels.a.b", {"a.b": 1}, 1),
        ("labels.a.b", {"a": {"b": 1}}, 1),
        ("genres[].name", GENRES, ["Action", "Drama"]),
        ("genres[].name", [], []),
        ("genres[].name", [{"id": 1}, {"name": "Drama"}], ["Drama"]),
        ("genres[].name", [{"id": 1}], ABSENT),
        ("genres[0].name", GENRES, "Action"),
        ("genres[0].name", [], None),
        ("genres[0:2].name", GENRES, ["Action", "Drama"]),
        ("done[].result[].value.choices[]", EXPORT, ["bus", "fee", "door"]),
        ("done[].result[].value.choices", EXPORT, [["bus"], ["fee", "door"]]),
        ("done[0].result[0].value.choices[0]", EXPORT, "bus"),
        ("done[1].result[0].value.choices[0]", EXPORT, None),
        ("deep[]", [[1, 2], [3]], [[1, 2], [3]]),
        ("deep[][]", [[1, 2], [3]], [1, 2, 3]),
        ("labels[1]", [0, 1], 1),
        ("labels[0:2]", "[0, 1, 1]", [0, 1]),
    ],
)
def test_a_path_picks_what_stands_there(column, cell, expected):
    assert value_at(column, cell) == expected


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("labels.tone", "joy", "column 'labels' must hold an object, received text"),
        ("labels.tone", True, "column 'labels' must hold an object, received true or false"),
        ("labels.tone", "{x", "column 'labels' holds text that is no list or object"),
        (
            "genres.name",
            GENRES,
            "column 'genres' must hold an object, received a list of 2; genres[].name reads all "
            "of its items, genres[0].name the first",
        ),
        ("a.b[]", {"b": "x"}, "column 'a.b' must hold a list, received text; without [] it"),
        ("labels[2]", [1], "column 'labels' holds a list of 1, but 'labels[2]' needs at least 3"),
        ("labels[0:2]", [], "column 'labels' holds a list of 0, but 'labels[0:2]' needs at"),
    ],
)
def test_what_a_path_cannot_lead_through_is_named_and_not_quoted(column, cell, message):
    assert refusal(column, cell).startswith(message)


@repeatable
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(0, 9))
def test_a_list_shorter_than_the_position_is_refused_with_both_lengths(cell, start):
    if start < len(cell):
        assert value_at(f"labels[{start}]", cell) == cell[start]
    else:
        found = refusal(f"labels[{start}]", cell)
        assert f"list of {len(cell)}, but 'labels[{start}]' needs at least {start + 1}" in found


def test_a_column_and_a_label_in_it_are_one_only_where_it_is_a_list():
    assert overlap("labels", "labels[0]")
    assert overlap("labels", "labels")
    assert not overlap("text", "text.label")  # a header may have dots
    assert not overlap("data.text", "data.label")


def test_the_values_inside_of_cells_are_named():
    assert nested_paths([{"tone": "sad"}, None, {"topic": "bus"}]) == [".tone", ".topic"]
    assert nested_paths([EXPORT]) == ["[].result[].value.choices[]"]
    assert nested_paths(['[{"name": "Drama"}]', "[not JSON"]) == ["[].name"]
    assert nested_paths(["text", ["a", "b"], 3]) == []
    assert nested_paths([{str(key): key for key in range(1000)}]) == []  # no names of columns
    columns = ["text", "labels.Tone", "x.y.tone[]", "tone.x"]
    assert candidates("tone", columns) == ["labels.Tone", "x.y.tone[]"]
