"""What is read as something else than what stands there is told once, with a count and a place."""

import pandas as pd
import pytest

from mtc_keras.config import check_config
from mtc_keras.data.reading import read_rows, read_splits
from mtc_keras.errors import DataError


def write(path, column, cells, header="label"):
    """Writes a csv file as pandas does, one text a row."""
    frame = pd.DataFrame({"text": [f"text {n}" for n in range(len(cells))], header: cells})
    frame.to_csv(path, index=False)
    return str(path)


@pytest.fixture
def read(tmp_path):
    """Reads splits of one task, whose column `label` has the given cells."""

    def read(train, validation=(), test=(), **task):
        data = {}
        for name, cells in (("train", train), ("validation", validation), ("test", test)):
            if len(cells):
                data[name] = write(tmp_path / f"{name}.csv", "label", cells)
        tasks = {"label": {"kind": "multiclass", **task}}
        return read_splits(check_config({"data": data, "tasks": tasks}))

    return read


def told(dataset):
    """Returns the notes, files without their folder."""
    return [
        note.replace(note[note.find("first ") + 6 : note.rfind("/") + 1], "")
        for note in dataset.notes
    ]


def test_numbers_of_a_column_with_a_gap_are_told_with_count_and_first_place(read):
    dataset = read([None, 1.0, 2.0, 3.0] * 3, [1, 2, 1])
    assert dataset.tasks[0].known_classes == ["1", "2", "3"]
    assert dataset.validation.targets["label"].tolist() == [0, 1, 0]
    assert told(dataset) == [
        "tasks.label: 9 cells such as '1.0', '2.0', '3.0' are read as '1', '2', '3', "
        "first train.csv:3"
    ]


def test_digits_are_no_positions_of_learned_classes(read):
    with pytest.raises(DataError) as caught:
        read(["bad", "good"], [0, 1])
    [first, second] = caught.value.problems
    assert "validation.csv:2: tasks.label: class '0' is unknown" in first
    assert "validation.csv:3: tasks.label: class '1' is unknown" in second


def test_digits_that_are_positions_of_listed_classes_are_told(read):
    dataset = read(["bad", "good"], ["0", "1", "1"], classes=["bad", "good"])
    assert dataset.validation.targets["label"].tolist() == [0, 1, 1]
    assert told(dataset) == [
        "tasks.label: 3 cells such as '0', '1' are read as positions in `classes`, 'bad', 'good', "
        "first validation.csv:2"
    ]


def test_a_single_cell_is_told_in_the_singular(read):
    assert told(read(["1.0", "2", "1"])) == [
        "tasks.label: 1 cell '1.0' is read as '1', first train.csv:2"
    ]


def test_rows_that_are_split_off_are_not_told_twice(read, tmp_path):
    data = {"train": write(tmp_path / "t.csv", "label", ["1.0", "2.0"] * 10), "validation": 4}
    dataset = read_splits(check_config({"data": data, "tasks": {"label": {"kind": "multiclass"}}}))
    assert len([note for note in dataset.notes if "'1.0'" in note]) == 1
    assert dataset.validation.notes == []


def test_a_trained_task_tells_the_same_of_other_rows(read, tmp_path):
    dataset = read([1, 2, 3])
    path = write(tmp_path / "new.csv", "label", ["2.0", "3"])
    config = check_config({"tasks": {"label": {"kind": "multiclass"}}})
    rows = read_rows(path, dataset.tasks, config.data, "new.csv")
    assert rows.targets["label"].tolist() == [1, 2]
    assert rows.notes == [f"tasks.label: 1 cell '2.0' is read as '2', first {path}:2"]
