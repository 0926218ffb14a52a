"""Classes that go together, counted as NumPy and scikit-learn would count them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import matthews_corrcoef

from mtc_keras.check.checked import Checked
from mtc_keras.check.statistics.together import matrix_of, pairs, together_part
from mtc_keras.data.reading import read_splits
from tests.conftest import tiny_config

NAMES = ["bus", "fee", "form", "queue"]


def checked(tmp_path, frame, **tasks):
    values = {"mood": {"kind": "multiclass"}, "topics": {"kind": "multilabel"}, **tasks}
    config = tiny_config(tmp_path / "run", tasks=values)
    return Checked(config, read_splits(config, {"train": frame}))


def table(count=400):
    random = np.random.default_rng(0)
    flags = random.random((count, len(NAMES))) < [0.5, 0.3, 0.2, 0.4]
    flags[:, 1] |= flags[:, 0] & (random.random(count) < 0.5)
    mood = np.where(flags[:, 2], "bad", np.where(random.random(count) < 0.5, "good", "fine"))
    return pd.DataFrame(
        {
            "text": [f"text {at}" for at in range(count)],
            "mood": mood,
            "topics": [[n for n, has in zip(NAMES, row, strict=True) if has] for row in flags],
            "length": np.arange(count, dtype=float),
        }
    )


def test_correlations_are_those_of_scikit_learn_where_both_labels_are_known(tmp_path):
    frame = table()
    frame.loc[::7, "mood"] = None
    data = checked(tmp_path, frame)
    matrix = matrix_of(data)
    at = {name: place for place, name in enumerate(matrix.names)}
    has = {name: frame["topics"].map(lambda row, name=name: name in row) for name in NAMES}
    known = frame["mood"].notna()
    bad = frame["mood"] == "bad"
    phi = matrix.phi[at["mood", "bad"], at["topics", "bus"]]
    assert phi == pytest.approx(matthews_corrcoef(bad[known], has["bus"][known]))
    assert matrix.rows[at["mood", "bad"], at["topics", "bus"]] == known.sum()
    phi = matrix.phi[at["topics", "bus"], at["topics", "fee"]]
    assert phi == pytest.approx(matthews_corrcoef(has["bus"], has["fee"]))


def test_pairs_are_those_beyond_chance_and_not_what_one_label_per_row_excludes(tmp_path):
    frame = table()
    found = pairs(matrix_of(checked(tmp_path, frame)))
    by_name = {(pair.name, pair.other): pair for pair in found}
    assert ("bad", "form") in by_name and by_name["bad", "form"].phi == pytest.approx(1.0)
    assert ("bus", "fee") in by_name
    assert not any({pair.task, pair.other_task} == {"mood"} for pair in found)
    assert not any("queue" in pair for pair in found)  # drawn independently
    pair = by_name["bus", "fee"]
    both = frame["topics"].map(lambda row: {"bus", "fee"} <= set(row)).sum()
    assert pair.both == both
    assert pair.expected == pytest.approx(pair.first * pair.second / len(frame))
    assert pair.pmi == pytest.approx(np.log2(both / pair.expected))


def test_rules_are_told_with_their_exceptions_and_their_pairs_are_not_told_twice(tmp_path):
    frame = table()
    rows = np.flatnonzero(frame["topics"].map(lambda row: "form" in row))
    frame.loc[rows[:2], "mood"] = "good"
    part = together_part(checked(tmp_path, frame))
    [rule] = [
        rule
        for rule in part.values["implications"]
        if rule["antecedent"] == ("topics", "form") and rule["consequent"] == ("mood", "bad")
    ]
    assert rule["sign"] == "⇔"
    assert (rule["support"], rule["exceptions"]) == (len(rows), 2)
    assert (rule["converse_support"], rule["converse_exceptions"]) == (len(rows) - 2, 0)
    assert rule["confidence"] == pytest.approx(1 - 2 / len(rows))
    assert 0.9 < rule["confidence_at_least"] < rule["confidence"]
    told = {(pair["name"], pair["other"]): pair["by_rule"] for pair in part.values["pairs"]}
    assert told["bad", "form"] and not told["bus", "fee"]
    assert len(part.tables["pairs"]) == len(part.values["pairs"])


def test_tasks_without_classes_have_no_such_part(tmp_path):
    config = tiny_config(tmp_path / "run")
    config = config.model_copy(
        update={"tasks": {"length": config.tasks["length"]}},
    )
    data = Checked(config, read_splits(config, {"train": table()}))
    assert together_part(data) is None
