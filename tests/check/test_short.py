"""The three lines on its data with which a training begins."""

import numpy as np
import pandas as pd

from mtc_keras.check.short import short_check
from mtc_keras.data.reading import read_splits
from tests.conftest import rows, tiny_config


def lines(frame, tmp_path, **tasks):
    dataset = read_splits(tiny_config(tmp_path / "run", tasks=tasks), {"train": frame})
    lengths = np.array([len(text.split()) + 2 for text in dataset.train.texts[0]])
    return short_check(dataset.tasks, dataset.train, lengths)


def table(count):
    """Returns rows whose texts all differ, half of them of either class."""
    return pd.DataFrame(
        {
            "text": [f"text number {at}" for at in range(count)],
            "mood": ["bad", "good"] * (count // 2),
            "topics": [["bus"], ["fee"]] * (count // 2),
            "length": np.arange(count, dtype=float),
        }
    )


def test_nothing_odd_is_said_to_be_so(tmp_path):
    lengths, problems, where = lines(table(100), tmp_path)
    assert lengths == "texts: 5 tokens (median), 99 % at most 5, the longest 5"
    assert problems == "at first sight: no class of under 10 training rows, no text twice"
    assert "mtc-keras check" in where


def test_rare_classes_and_repeated_texts_are_counted_with_the_first_place(tmp_path):
    frame = table(100)
    frame.loc[7, "mood"] = "fine"
    frame.at[7, "topics"] = ["bus", "form"]
    frame.at[8, "topics"] = ["form"]
    frame.loc[50, ["text", "length"]] = ["Text  number 10", 10.0]  # a copy but for case and blanks
    frame.loc[51, "text"] = "text number 20"  # of the other mood and topic
    [_, problems, _] = lines(frame, tmp_path)
    assert problems == (
        "at first sight: 1 of 3 classes of mood has under 10 training rows (fine 1); "
        "1 of 3 classes of topics has under 10 training rows (form 2); "
        "2 training rows repeat the text of another one, 1 with other labels (first train row 50)"
    )


def test_a_label_that_is_missing_is_no_other_label(tmp_path):
    frame = table(100)
    frame.loc[51, ["text", "mood", "topics", "length"]] = ["text number 20", None, None, None]
    frame["topics"] = frame["topics"].astype(object).where(frame["mood"].notna(), None)
    [_, problems, _] = lines(frame, tmp_path)
    assert problems.endswith("1 training row repeats the text of another one (first train row 51)")


def test_a_training_begins_with_them_and_tells_what_is_cut_once(tmp_path):
    from mtc_keras import fit

    frame = rows(64)
    frame.loc[0, "text"] = "good " * 40
    run = fit(
        tiny_config(tmp_path / "run", training={"epochs": 1}),
        train=frame,
        validation=rows(32, 1),
        verbose=0,
    )
    log = (run.directory / "train.log").read_text("utf-8").splitlines()
    [begin] = [at for at, line in enumerate(log) if line.startswith("texts: ")]
    assert log[begin].endswith("the longest 42")
    assert log[begin + 1].startswith("at first sight: ")
    assert "mtc-keras check" in log[begin + 2]
    assert sum("exceeds max_length = 16" in line for line in log) == 1
