"""Parallel files: texts in one, labels in another, row by row."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.config import check_config, load_config
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.reading import read_rows, read_splits
from mtc_keras.data.sources import file_blocks
from mtc_keras.errors import ConfigError, DataError
from tests.fuzzing import tries

FILES = {"text": "train_text.txt", "mood": "train_labels.txt"}
TEXTS = ["the bus was late", "@user: \u2028 what a day\x85", "", " fine ", "a\rb", "last"]
LABELS = ["0", "1", "0", "1", "2", "2"]


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name: str, lines: list[str], end: str = "\n") -> str:
    content = "".join(f"{line}{end}" for line in lines).encode()
    Path(name).write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
    return name


def write_both(texts=TEXTS, labels=LABELS, end="\n") -> None:
    write("train_text.txt", texts, end)
    write("train_labels.txt", labels, end)


def config_of(files=None, **data):
    tasks = {"mood": {"kind": "multiclass"}}
    return check_config({"data": {"train": files or FILES, **data}, "tasks": tasks})


def problem(files=None) -> str:
    with pytest.raises(DataError) as caught:
        read_splits(config_of(files))
    [found] = caught.value.problems
    return found


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_line_is_a_row_with_a_cell_of_each_file(end):
    write_both(end=end)
    dataset = read_splits(config_of())
    assert list(dataset.train.texts[0]) == [text for text in TEXTS if text]
    assert dataset.tasks[0].known_classes == ["0", "1", "2"]
    assert dataset.train.targets["mood"].tolist() == [0, 1, 1, 2, 2]
    assert [str(where) for where in dataset.train.where][-1] == "train_text.txt:6"
    assert dataset.notes == ["train: 1 row without a text is left out, first train_text.txt:3"]
    assert list(dataset.files) == ["train_text.txt", "train_labels.txt"]


def test_files_may_be_called_anything_be_gzipped_and_have_no_last_line_break():
    write("x.labels.gz", LABELS)
    Path("x.csv").write_text("\n".join(f'"{n}, {n}' for n in range(6)))
    dataset = read_splits(config_of({"mood": "x.labels.gz", "text": "x.csv"}))
    assert dataset.train.texts[0][0] == '"0, 0'
    assert str(dataset.train.where[5]) == "x.csv:6"  # rows are called by the file of texts


def test_several_parts_are_read_as_one():
    write_both(["a text"] * 50, ["0", "1"] * 25)
    blocks = list(file_blocks(FILES, rows=7))
    assert [len(block) for block in blocks] == [7] * 7 + [1]
    assert [cell for block in blocks for cell in block.cells("mood")] == ["0", "1"] * 25


def test_all_splits_and_a_column_of_splits_may_be_parallel_files():
    write_both()
    data = {
        name: {"text": write(f"{name}_text.txt", ["x", "y"]), "mood": write(f"{name}.txt", "01")}
        for name in ("validation", "test")
    }
    dataset = read_splits(config_of(**data))
    assert [len(rows) for rows in (dataset.train, dataset.validation, dataset.test)] == [5, 2, 2]
    write("split.txt", ["train", "dev", "train", "train", "train", "test"])
    dataset = read_splits(config_of({**FILES, "split": "split.txt"}, split="split"))
    assert [len(rows) for rows in (dataset.train, dataset.validation, dataset.test)] == [3, 1, 1]
    rows = read_rows(data["test"], dataset.tasks, config_of().data, "test")
    assert rows.targets["mood"].tolist() == [0, 1]


def test_labels_may_be_positions_in_listed_classes():
    write_both(["a", "b", "c"], ["0", "2", "1"])
    tasks = {"mood": {"kind": "multiclass", "classes": ["bad", "fine", "good"]}}
    dataset = read_splits(check_config({"data": {"train": FILES}, "tasks": tasks}))
    assert dataset.train.targets["mood"].tolist() == [0, 2, 1]
    assert "are read as positions in `classes`" in dataset.notes[0]


@pytest.mark.parametrize(("rows", "extra"), [(6, 1), (6, 3), (20_000, 1), (20_001, 2)])
def test_other_numbers_of_lines_are_refused_with_both(rows, extra):
    write_both(["a text"] * (rows + extra), ["0", "1"] * (rows // 2) + ["1"] * (rows % 2))
    assert problem() == (
        f"data.train: train_text.txt has {rows + extra:,} lines, train_labels.txt has {rows:,} "
        "lines: of parallel files line n of each is row n, so all need as many; "
        f"from line {rows + 1:,} on one has no partner"
    )


def test_what_may_have_made_the_difference_is_named():
    write_both(TEXTS, LABELS[:-1])
    assert problem().endswith(
        "from line 6 on one has no partner; train_text.txt:2 holds a character at which some "
        "programs end a line; train_text.txt:3 is blank"
    )
    assert "what a day" not in problem()


def test_blank_lines_at_the_end_are_no_rows_and_told():
    write_both([*TEXTS, "", ""], LABELS)
    dataset = read_splits(config_of())
    assert len(dataset.train) == 5
    assert (
        "train_text.txt: 2 blank lines after the end of the others, read as no row" in dataset.notes
    )
    write_both([*TEXTS, "", "x"], LABELS)
    assert "train_text.txt has 8 lines, train_labels.txt has 6 lines" in problem()
    write_both(["a", "b", ""], ["0", "1", ""])  # all of them have it: a row without a text
    assert read_splits(config_of()).train.left_out.count == 1


def test_absent_empty_and_broken_files_are_refused():
    write("train_text.txt", TEXTS)
    assert "train_labels.txt: file does not exist" in problem()
    write("train_labels.txt", [])
    assert "train_text.txt has 6 lines, train_labels.txt has 0 lines" in problem()
    write("train_text.txt", [])
    assert "train_text.txt: holds no rows" in problem()
    assert "no text column 'text'" in problem({"body": write("b.txt", "ab"), "mood": "b.txt"})
    with pytest.raises(ConfigError, match="train"):
        config_of({"text": 3})


def test_a_config_with_parallel_files_is_written_and_read_again():
    config = config_of()
    Path("config.toml").write_text(config.to_toml())
    assert load_config("config.toml") == config
    assert config.data.train == FILES


lines = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\ufeff"), max_size=8)


@tries(60)
@given(st.lists(st.tuples(lines, lines), min_size=1, max_size=20), st.integers(1, 7))
def test_fuzz_line_n_of_each_file_is_row_n(rows, size):
    for name, cells in zip(FILES.values(), zip(*rows, strict=True), strict=True):
        Path(name).write_bytes("".join(f"{cell}\n" for cell in cells).encode())
    # NUL would be a sign of UTF-16.
    found = list(file_blocks(FILES, rows=size, layout=Layout(encodings=("utf-8",))))
    read = [pair for b in found for pair in zip(b.cells("text"), b.cells("mood"), strict=True)]
    if rows[0][0].strip() != "text" and rows[0][1].strip() != "mood":
        assert read == rows
