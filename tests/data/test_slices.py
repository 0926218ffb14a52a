"""The columns by which a report judges rows apart are read beside texts and labels."""

import pandas as pd
import pytest

from mtc_keras.config import check_config
from mtc_keras.data.reading import read_splits
from mtc_keras.errors import ConfigError, DataError

MOOD = {"kind": "multiclass", "classes": ["bad", "good"]}


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def config(slices, **data):
    return check_config({"data": data, "tasks": {"mood": MOOD}, "report": {"slices": slices}})


def read(frames, slices, **data):
    return read_splits(config(slices, **data), frames)


def frame(count=6, **columns):
    rows = {"text": [f"t{row}" for row in range(count)], "mood": ["good", "bad"] * (count // 2)}
    return pd.DataFrame({**rows, **columns})


def test_a_row_keeps_its_slices_however_they_are_spelled():
    train = frame(year=[2019, 2019.0, "2020", None, 2020.5, True], source=list("aabbcc"))
    dataset = read({"train": train, "test": train.iloc[::-1]}, ["year", "source"])
    assert list(dataset.train.slices["year"]) == ["2019", "2019", "2020", None, "2020.5", "true"]
    assert list(dataset.test.slices["source"]) == list("ccbbaa")
    assert list(dataset.train.take([4, 0]).slices["source"]) == ["c", "a"]


def test_a_path_leads_to_a_slice():
    train = frame(about=[{"site": site} for site in "xxyyzz"])
    dataset = read({"train": train}, ["about.site"])
    assert list(dataset.train.slices["about.site"]) == list("xxyyzz")


def test_a_column_that_no_source_has_is_refused_with_the_nearest_name():
    with pytest.raises(DataError) as caught:
        read({"train": frame(Source="a")}, ["source"])
    assert caught.value.problems == [
        "report.slices: no file has a column 'source'. Did you mean 'Source'? "
        "Columns: 'text', 'mood', 'Source'"
    ]


def test_a_column_that_one_split_lacks_is_told():
    dataset = read({"train": frame(source="a"), "test": frame()}, ["source"])
    assert set(dataset.test.slices["source"]) == {None}
    assert "report.slices: test has no column 'source', whose rows have no slice" in dataset.notes


def test_rows_that_are_split_or_joined_keep_the_slices_of_their_own():
    train = frame(20, source=[f"s{row}" for row in range(20)])
    dataset = read({"train": train}, ["source"], validation=0.3)
    for rows in (dataset.train, dataset.validation):
        assert [text[1:] for text in rows.texts[0]] == [s[1:] for s in rows.slices["source"]]
    raters = frame(6, text=["x", "x", "y", "y", "z", "z"], source=list("aabbcc"))
    votes = {"kind": "multiclass", "classes": ["bad", "good"], "labels": "votes"}
    values = {
        "data": {"votes_by": "text"},
        "tasks": {"mood": votes},
        "report": {"slices": ["source"]},
    }
    joined = read_splits(check_config(values), {"train": raters})
    assert list(joined.train.slices["source"]) == ["a", "b", "c"]


def test_a_column_of_texts_is_no_slice():
    with pytest.raises(ConfigError) as caught:
        config(["text"])
    assert "column 'text' is read as text and by report.slices" in str(caught.value.problems)
