"""`mtc-keras check`: what it finds in rows, shows on the screen and writes on a page."""

import csv
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mtc_keras import check_data, cli
from mtc_keras.console.log import Log
from mtc_keras.errors import ConfigError
from tests.conftest import labelled, tiny_config, tiny_values

ORDINAL = {"grade": {"kind": "ordinal", "classes": ["0", "1", "2", "3"]}}


@pytest.fixture(scope="module")
def splits():
    train, validation = labelled(160), labelled(48, 1)
    train.loc[0, "text"] = "good " * 40  # of more tokens than are read
    train.loc[1, "text"] = "хорошо <script>alert(1)</script>"
    train.loc[2, "mood"] = None
    train.loc[4, "mood"] = "odd"  # a class of one row, of which a problem warns
    train.loc[3, "text"] = None
    return {"train": train, "validation": validation}


@pytest.fixture(scope="module")
def check(splits, tmp_path_factory):
    config = tiny_config(tmp_path_factory.mktemp("check"), tasks=ORDINAL)
    return check_data(config, **splits)


def test_rows_labels_and_what_is_left_out_are_counted(check):
    train = check.values("rows")["splits"]["train"]
    assert (train["rows"], train["left_out"]) == (159, 1)
    assert train["tasks"]["mood"] == {"labelled": 158, "missing": 1, "partial": 0}
    assert train["tasks"]["topics"]["labelled"] == 159


def test_classes_are_counted_in_every_split_as_pandas_counts_them(check, splits):
    found = check.values("classes")
    moods = splits["validation"]["mood"].value_counts()
    counts = dict(zip(found["mood"]["classes"], found["mood"]["counts"]["validation"], strict=True))
    assert counts == {**moods.to_dict(), "odd": 0}
    topics = splits["validation"]["topics"].explode().value_counts()
    counts = dict(
        zip(found["topics"]["classes"], found["topics"]["counts"]["validation"], strict=True)
    )
    assert counts == topics.to_dict()
    per_row = found["topics"]["classes_per_row"]["validation"]
    assert per_row["mean"] == pytest.approx(splits["validation"]["topics"].map(len).mean())
    assert per_row["rows"][0] == (splits["validation"]["topics"].map(len) == 0).sum()
    assert "classes_per_row" not in found["mood"]
    assert "length" not in found


def test_numbers_have_their_moments_and_quantiles_and_ranks_have_them_too(check, splits):
    found = check.values("numbers")
    lengths = splits["validation"]["length"]
    assert found["length"]["validation"]["mean"] == pytest.approx(lengths.mean())
    assert found["length"]["validation"]["standard_deviation"] == pytest.approx(lengths.std(ddof=0))
    assert found["length"]["validation"]["quantiles"]["0.75"] == pytest.approx(
        lengths.quantile(0.75)
    )
    ranks = splits["validation"]["grade"].astype(int)
    assert found["grade"]["validation"]["mean"] == pytest.approx(ranks.mean())
    assert set(found) == {"length", "grade"}


def test_lengths_are_those_of_whole_texts_and_say_what_is_cut(check):
    found = check.values("lengths")
    train = found["splits"]["train"]
    assert train["quantiles"]["1.0"] == 42  # 40 words and two special tokens
    assert train["longer"] >= 1
    assert train["longest"] == "train row 0"
    now = next(limit for limit in found["limits"] if limit["max_length"] == 16)
    assert now["longer"] == train["longer"]
    largest = found["limits"][-1]
    assert (largest["max_length"], largest["longer"], largest["beyond_share"]) == (42, 0, 0.0)
    assert largest["slots"] >= largest["tokens"] > now["tokens"]


def test_texts_in_windows_are_told_with_how_many_a_step_reads(splits, tmp_path):
    config = tiny_config(tmp_path, tasks=ORDINAL, model={"long_texts": "windows"})
    check = check_data(config, **splits)
    windows = check.values("lengths")["windows"]
    # Of 40 tokens 14 fit beside two special ones, and neighbours share 4.
    assert windows["train"]["most"] == 4
    assert windows["validation"] == {"mean": 1.0, "most": 1}


def test_text_pairs_are_counted_together(tmp_path):
    frame = labelled(40).assign(other="good bad")
    config = tiny_config(tmp_path, tasks=ORDINAL, data={"text": ["text", "other"]})
    check = check_data(config, train=frame, texts=False)
    lengths = check.values("lengths")["splits"]["train"]["quantiles"]["1.0"]
    assert lengths == max(len(text.split()) for text in frame["text"]) + 2 + 3
    assert check.values("languages")["scripts"]["train"] == {"Latin": 80}


def test_scripts_are_those_of_most_letters(check):
    scripts = check.values("languages")["scripts"]["train"]
    # "<script>alert(1)</script>" has more Latin letters than the word before it.
    assert scripts == {"Latin": 159}


def test_rows_are_shown_as_they_were_read_and_without_texts_if_asked(check, splits, tmp_path):
    rows = check.values("samples")["rows"]
    assert [len(found) for found in rows.values()] == [3, 3]
    assert set(rows["train"][0]) == {"place", "labels", "texts"}
    assert set(rows["train"][0]["labels"]) == {"mood", "topics", "length", "grade"}
    silent = check_data(tiny_config(tmp_path, tasks=ORDINAL), **splits, texts=False)
    assert set(silent.values("samples")["rows"]["train"][0]) == {"place", "labels"}
    silent.write(tmp_path / "check.html")
    page = (tmp_path / "check.html").read_text("utf-8")
    texts = rows["train"][0]["texts"] + rows["validation"][0]["texts"]
    assert not any(text in page for text in texts)


def test_the_page_holds_every_part_and_its_numbers_beside_it(check, tmp_path):
    check.write(tmp_path / "check.html")
    page = (tmp_path / "check.html").read_text("utf-8")
    for part in check.parts:
        assert f'id="{part.section.id}"' in page
    assert "<script>alert" not in page
    numbers = json.loads((tmp_path / "check.json").read_text("utf-8"))
    assert numbers["classes"] == check.to_dict()["classes"]
    with (tmp_path / "check" / "classes.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    moods = {row["class"]: int(row["train"]) for row in table if row["task"] == "mood"}
    assert sum(moods.values()) == 158


def test_a_share_that_differs_beyond_chance_is_told_and_an_equal_one_is_not(tmp_path):
    def rows(count, bad):
        return pd.DataFrame(
            {
                "text": [f"text {at}" for at in range(count)],
                "mood": ["bad"] * bad + ["good"] * (count - bad),
                "topics": [["bus"], ["fee"]] * (count // 2),
                "length": 1.0 + np.arange(count),
            }
        )

    check = check_data(
        tiny_config(tmp_path), train=rows(600, 300), validation=rows(300, 190), test=rows(300, 165)
    )
    found = check.values("classes")
    shifted = {(shift["name"], shift["split"]) for shift in found["mood"]["shifts"]}
    assert shifted == {("bad", "validation"), ("good", "validation")}
    assert found["topics"]["shifts"] == []


@pytest.fixture
def written(tmp_path, splits):
    """A config in a file, and its rows."""
    import tomli_w

    for name, frame in splits.items():
        frame.to_json(tmp_path / f"{name}.jsonl", orient="records", lines=True)
    values = tiny_values(tmp_path / "run")
    values["data"] = {name: str(tmp_path / f"{name}.jsonl") for name in splits}
    path = tmp_path / "config.toml"
    path.write_text(tomli_w.dumps(values), "utf-8")
    return path


def test_a_label_is_one_line_on_the_screen_whatever_its_name(check, capsys):
    rows = {"train": [{"place": "x.jsonl:1", "labels": {"mood": "good\nproblems: 0 errors"}}]}
    parts = tuple(
        part._replace(values={"rows": rows}) if part.section.id == "samples" else part
        for part in check.parts
    )
    replace(check, parts=parts).show(Log())
    assert "    mood: good\\nproblems: 0 errors" in capsys.readouterr().out


def test_the_program_shows_and_writes_and_replaces_nothing_unasked(written, tmp_path, capsys):
    out = tmp_path / "check.html"
    command = ["check", "--config", str(written), "--out", str(out)]
    assert cli.main(command) == 0
    shown = capsys.readouterr().out
    assert "mood: multiclass, 4 classes" in shown
    assert "tokens per text" in shown
    assert f"the page is in {out}" in shown
    assert "warning: mood: 1 of 4 classes in fewer than 10 training rows: 'odd' 1" in shown
    before = out.read_bytes()
    assert cli.main(command) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert out.read_bytes() == before
    again = [*command, "--overwrite", "--no-texts", "--fail-on"]
    assert [cli.main([*again, severity]) for severity in ("never", "error", "warning")] == [0, 0, 1]
    lines = (tmp_path / "train.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(line)["text"] or "" for line in lines]
    shown = capsys.readouterr().out
    assert not any(text in shown for text in texts if len(text) > 20)


def test_label_errors_of_another_backend_are_refused_before_anything_is_read(tmp_path, monkeypatch):
    config = tiny_config(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(ConfigError, match=r"KERAS_BACKEND is torch: set it to jax, or leave out"):
        check_data(config, label_errors=True)
