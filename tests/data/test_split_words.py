"""A file of several splits that is read as one is told: its test rows would be trained."""

import pytest

from mtc_keras.config import check_config
from mtc_keras.data.reading import read_rows, read_splits


def read(tmp_path, words, column="split", task="mood", **data):
    path = tmp_path / "x.csv"
    rows = [f"t{n},{'ab'[n % 2]},{word}" for n, word in enumerate(words)]
    path.write_text(f"text,mood,{column}\n" + "\n".join(rows) + "\n")
    values = {"data": {"train": str(path), **data}, "tasks": {task: {"kind": "multiclass"}}}
    config = check_config(values)
    dataset = read_splits(config)
    notes = [note.replace(str(path), "x.csv") for note in dataset.notes]
    told = read_rows(str(path), dataset.tasks, config.data, "test").notes
    return notes, [note.replace(str(path), "x.csv") for note in told]


def test_rows_of_other_splits_are_told_with_count_and_first_place(tmp_path):
    words = ["train", "train", "Dev", "train", "test", "test"]
    notes, told = read(tmp_path, words)
    assert notes == [
        "x.csv: 3 rows with 'dev', 'test' in column 'split' are read as train, first x.csv:4; "
        'set data.split = "split" if each row is to be in the split that it names'
    ]
    assert "4 rows with 'train', 'dev' in column 'split' are read as test" in told[0]


@pytest.mark.parametrize(
    "words, options",
    [
        (["train"] * 4, {}),
        (["val", "dev", "valid", "validation"], {}),  # one split, in several words
        (["train", "test", "7", "train"], {}),
        (["train", "test", "", "train"], {}),
        (["train", "test"] * 2, {"column": "stage"}),
        (["train", "test"] * 2, {"task": "split"}),
        (["train", "test"] * 2, {"group": "split"}),
    ],
)
def test_other_columns_are_let_be(tmp_path, words, options):
    assert not any(
        "data.split" in note for notes in read(tmp_path, words, **options) for note in notes
    )
