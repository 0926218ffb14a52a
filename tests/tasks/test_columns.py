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
    assert (path.names, path.width, path.is_vector, str(path)) == ((name,), None, False, name)


@repeatable
@given(names, positions, st.integers(2, 9))
def test_a_slice_is_a_vector_of_its_width(name, start, width):
    path = parse_column(f"{name}[{start}:{start + width}]")
    assert path == ColumnPath((f"{name}[{start}:{start + width}]",), width)
    assert parse_column(str(path)) == path
    assert path.is_vector
    position = parse_column(f"{name}[{start}]")
    assert (position.width, position.is_vector) == (None, False)


def test_several_columns_are_a_vector_with_a_class_a_column():
    path = parse_column(["joy", "fear"])
    assert path.is_vector
    assert path.vector_classes == ["joy", "fear"]
    assert parse_column("labels[2:5]").vector_classes == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("", "must be 'name', 'name.key', 'name\\[2\\]' or 'name\\[0:5\\]'"),
        ("a.b[9999999999].c", "at most 1,000,000,000"),
        ("labels[3:3]", "two or more positions"),
        ("labels[3:4]", "two or more positions"),
        (["joy"], "two or more different names"),
        (["joy", "joy"], "two or more different names"),
    ],
)
def test_what_is_no_column_path_is_refused(column, message):
    with pytest.raises(ValueError, match=message):
        parse_column(column)
