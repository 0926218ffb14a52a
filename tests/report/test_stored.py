"""What a run keeps of its judged rows, and what reading it back gives."""

import json

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from mtc_keras import DataError, Run, fit
from mtc_keras.report.stored import read_judged, write_judged
from tests.conftest import rows, tiny_config


def same(one, other):
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name])
        assert values.dtype == other[name].dtype


def test_a_training_keeps_logits_labels_places_and_texts_of_its_judged_rows(finished):
    validation, test = read_judged(finished)
    assert (validation.name, test.name) == ("validation", "test")
    expected = rows(40, 2)
    assert list(test.texts[0]) == expected["text"].tolist()
    assert test.where[0] == "test row 0" and len(test) == 40
    logits = finished.model.predict_logits(expected["text"].tolist())
    for task in test.tasks:
        np.testing.assert_allclose(test.logits[task.name], logits[task.name], atol=1e-5)
        assert test.labelled(task).all()
    assert (test.lengths == [len(text.split()) + 2 for text in expected["text"]]).all()
    assert test.max_length == 16
    predicted = pd.read_json(finished.directory / "predictions" / "test.jsonl", lines=True)
    mood = test.tasks[0]
    labels = [mood.known_classes[index] for index in test.predictions["mood"]]
    assert labels == predicted["predicted_mood"].tolist()


def test_labels_that_are_missing_stay_so(judged, finished, tmp_path):
    class Whole(Run):
        def __init__(self):
            self.directory, self.check = tmp_path, True

        class saved:
            tasks, decisions = judged.tasks, judged.decisions

    write_judged(tmp_path, [judged])
    [found] = read_judged(Whole())
    same(judged.targets, found.targets)
    same(judged.logits, found.logits)
    assert list(found.where) == judged.where
    assert list(found.texts[0]) == judged.texts[0]
    assert list(found.slices["region"]) == judged.slices["region"]
    same(judged.predictions, found.predictions)
    assert not found.right(found.tasks[0])[found.targets["mood"] < 0].any()


def test_a_file_that_has_changed_is_refused(finished, tmp_path):
    import shutil

    shutil.copytree(finished.directory, tmp_path / "run")
    path = tmp_path / "run" / "predictions" / "test.parquet"
    table, metadata = pd.read_parquet(path), parquet.read_schema(path).metadata
    table.assign(**{"target:mood": 7}).to_parquet(path)
    with pytest.raises(DataError, match=r"predictions/?.*test\.parquet: has changed|damaged"):
        read_judged(Run(tmp_path / "run"))
    with pytest.raises(DataError, match=r"is not what was written|has no"):
        read_judged(Run(tmp_path / "run", check=False))
    for column, values in {"row": None, "text": None, "tokens": "many"}.items():
        edited = table.assign(**{column: pd.Series([values] * len(table), dtype="string")})
        edited.to_parquet(path)
        rewritten = parquet.read_table(path).replace_schema_metadata(metadata)
        parquet.write_table(rewritten, path)
        with pytest.raises(DataError, match="is not what was written"):
            read_judged(Run(tmp_path / "run", check=False))
    path.write_bytes(b"PAR1")
    with pytest.raises(DataError, match="is not what was written"):
        read_judged(Run(tmp_path / "run", check=False))


def test_texts_are_left_out_and_columns_kept_as_the_config_says(tmp_path):
    def with_region(count, seed):
        table = rows(count, seed)
        table["region"] = [["north", 2.0, None, " south "][row % 4] for row in range(count)]
        return table

    config = tiny_config(
        tmp_path / "run",
        tasks={"mood": {"kind": "multiclass"}},
        report={"texts": False, "slices": ["region"]},
        training={"epochs": 1},
    )
    run = fit(config, train=with_region(48, 0), validation=with_region(16, 1), verbose=0)
    [judged] = read_judged(run)
    assert judged.texts is None and judged.text(0) == ""
    assert list(judged.slices["region"])[:4] == ["north", "2", None, "south"]
    kept = (run.directory / "predictions" / "validation.parquet").read_bytes()
    assert b"clerk" not in kept
    about = json.loads((run.directory / "run.json").read_text())
    assert about["format"] == 2  # nothing that is read again has changed


def test_a_column_of_slices_that_no_file_has_is_one_message(tmp_path):
    config = tiny_config(tmp_path / "run", report={"slices": ["moood"]})
    with pytest.raises(DataError, match=r"report\.slices: no file has a column 'moood'.*'mood'"):
        fit(config, train=rows(32), validation=rows(8, 1), verbose=0)
