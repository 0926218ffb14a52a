"""Column paths: where a label stands in a row."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtc_keras.tasks.columns import ColumnPath, parse_column

repeatable = settings(derandomize=True, deadline=None)

names = st.text(st.characters(codec="utf-8", exclude_characters="[]\n"), min_size=1, max_size=12)
positions = st.integers(0, 50)


@repeatable
@given(names)
def test_a_plain_name_reads_the_whole_cell(name):
    path = parse_column(name)
    assert (path.names, path.start, path.is_vector, str(path)) == ((name,), None, False, name)
    assert path.pick(["anything"]) == ["anything"]


@repeatable
@given(names, positions, st.none() | st.integers(2, 9))
def test_a_path_written_and_parsed_again_is_the_same(name, start, width):
    path = ColumnPath((name,), start, None if width is None else start + width)
    assert parse_column(str(path)) == path
    assert path.is_vector == (width is not None)


@repeatable
@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.data())
def test_a_position_picks_one_value_and_a_slice_picks_a_list(cell, data):
    start = data.draw(st.integers(0, len(cell) - 1))
    assert parse_column(f"labels[{start}]").pick(cell) == cell[start]
    if len(cell) - start >= 2:
        stop = data.draw(st.integers(start + 2, len(cell)))
        assert parse_column(f"labels[{start}:{stop}]").pick(cell) == cell[start:stop]


@repeatable
@given(st.lists(st.integers(0, 9), max_size=6), st.integers(0, 9))
def test_a_list_shorter_than_the_position_is_refused_with_both_lengths(cell, start):
    path = parse_column(f"labels[{start}]")
    if start >= len(cell):
        with pytest.raises(ValueError, match=rf"list of {len(cell)}, .* at least {start + 1}"):
            path.pick(cell)


@pytest.mark.parametrize("cell", [None, ""])
def test_a_missing_cell_stays_missing_under_a_position(cell):
    assert parse_column("labels[3]").pick(cell) == cell


def test_a_position_of_a_cell_that_is_no_list_is_refused():
    with pytest.raises(ValueError, match="column 'labels' must hold a list, received 'joy'"):
        parse_column("labels[0]").pick("joy")


def test_several_columns_are_a_vector_with_a_class_a_column():
    path = parse_column(["joy", "fear"])
    assert path.is_vector
    assert path.vector_classes == ["joy", "fear"]
    assert parse_column("labels[2:5]").vector_classes == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("", "must be 'name', 'name\\[2\\]' or 'name\\[0:5\\]'"),
        ("labels[3:3]", "two or more positions"),
        ("labels[3:4]", "two or more positions"),
        (["joy"], "two or more different names"),
        (["joy", "joy"], "two or more different names"),
    ],
)
def test_what_is_no_column_path_is_refused(column, message):
    with pytest.raises(ValueError, match=message):
        parse_column(column)
