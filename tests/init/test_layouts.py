"""`init_config` and files whose layout is told by a key of `[data]`."""

import json

import pytest

from mtc_keras import init_config
from tests.init.tables import cycle, sentence, write_csv
from tests.init.test_first_config import trained

ROWS = [(sentence(row), ["bus", "fee"][row % 2]) for row in range(40)]


@pytest.mark.parametrize(
    ("name", "line", "delimiter"),
    [
        ("t.csv", '"{text}, well",{label}', None),
        ("t.tsv", "{text}\t{label}", None),
        ("t.txt", "{label}\t{text}", "\t"),
        ("t.txt", "{text};{label}", ";"),
    ],
)
def test_without_a_header_the_columns_get_names(tmp_path, name, line, delimiter):
    lines = [line.format(text=text, label=label) for text, label in ROWS]
    (tmp_path / name).write_text("\n".join(lines) + "\n")
    first = init_config(tmp_path / name)
    assert sorted(first.config.data.header) == ["label", "text"]
    assert first.config.data.delimiter == delimiter
    assert list(first.config.tasks) == ["label"]
    assert any("first row looks like data" in note for note in first.notes)
    assert first.text.count("# row") == 3 and f"# row {tmp_path / name}:1 " in first.text


def test_a_table_without_a_header_trains_as_it_stands(tmp_path):
    lines = [f"{row % 3 + 1},{row % 2},{text}" for row, (text, _) in enumerate(ROWS)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    first = init_config(tmp_path / "t.csv")
    assert first.config.data.header == ["column_1", "column_2", "text"]
    assert trained(first.text, tmp_path).metrics["validation"]


def test_lines_of_fasttext(tmp_path):
    lines = [f"__label__{label} __label__all {text}" for text, label in ROWS]
    (tmp_path / "ft.txt").write_text("\n".join(lines))
    [task] = init_config(tmp_path / "ft.txt").config.tasks.values()
    assert (task.column, task.kind) == ("__label__", "multilabel")


def test_one_file_of_all_splits(tmp_path):
    columns = {"topic": cycle("a", "b"), "split": cycle("train", "dev", "train", "train", "test")}
    first = init_config(write_csv(tmp_path / "t.csv", columns))
    assert (first.config.data.split, first.config.data.validation) == ("split", None)
    assert list(first.config.tasks) == ["topic"]


def test_an_export_of_label_studio(tmp_path):
    rows = [
        {
            "id": row,
            "data": {"text": text},
            "annotations": [{"result": [{"value": {"choices": [label]}, "from_name": "topic"}]}],
        }
        for row, (text, label) in enumerate(ROWS)
    ]
    (tmp_path / "t.json").write_text(json.dumps(rows))
    first = init_config(tmp_path / "t.json")
    assert first.config.data.text == "data.text"
    assert first.config.tasks["choices"].column == "annotations[].result[].value.choices[]"


def test_cp1252_and_a_semicolon(tmp_path):
    lines = [f"{text} très café;{label}é" for text, label in ROWS]
    (tmp_path / "t.csv").write_bytes(("texte;sujet\n" + "\n".join(lines)).encode("cp1252"))
    first = init_config(tmp_path / "t.csv")
    assert first.config.tasks["sujet"].kind == "multiclass"
    assert "classes 'busé', 'feeé'" in first.text
    assert any("cp1252" in note for note in first.notes)
    assert '# encoding = "cp1252"  # as the file shows' in first.text
    assert '# delimiter = ";"  # as the file shows' in first.text


def test_keys_that_are_given_stand_in_the_config(tmp_path):
    lines = [f"{text}^{label}" for text, label in ROWS]
    (tmp_path / "t.csv").write_text("title^topic\n" + "\n".join(lines))
    first = init_config(tmp_path / "t.csv", reading={"delimiter": "^", "data.text": "title"})
    assert (first.config.data.delimiter, first.config.data.text) == ("^", "title")
    assert list(first.config.tasks) == ["topic"]


def test_names_that_are_given_are_kept(tmp_path):
    (tmp_path / "t.csv").write_text("".join(f"{text},{label}\n" for text, label in ROWS))
    first = init_config(tmp_path / "t.csv", reading={"header": ["text", "mode"]})
    assert first.config.data.header == ["text", "mode"]
    assert list(first.config.tasks) == ["mode"]
    assert not any("looks like data" in note for note in first.notes)


def test_votes_train_as_they_stand(tmp_path):
    columns = {"ann_1": cycle("a", "b"), "ann_2": cycle("a", "b", "b"), "ann_3": cycle("", "a")}
    first = init_config(write_csv(tmp_path / "t.csv", columns))
    assert first.config.tasks["label"].labels == "votes"
    assert '{"a": 0.5, "b": 0.5}' in first.text
    assert trained(first.text, tmp_path).metrics["validation"]


def test_rows_of_raters_offer_votes(tmp_path):
    lines = [f"{sentence(row // 3)},{row % 3},{row % 2}" for row in range(60)]
    (tmp_path / "t.csv").write_text("text,rater_id,toxic\n" + "\n".join(lines))
    first = init_config(tmp_path / "t.csv")
    assert list(first.config.tasks) == ["toxic"]
    assert '# votes_by = "text"' in first.text


def test_parallel_files_and_those_beside_them(tmp_path):
    for split, count in (("train", 40), ("val", 10)):
        texts = "".join(f"{text}\n" for text, _ in ROWS[:count])
        labels = "".join(f"{label}\n" for _, label in ROWS[:count])
        (tmp_path / f"{split}_text.txt").write_text(texts)
        (tmp_path / f"{split}_labels.txt").write_text(labels)
    files = {"text": tmp_path / "train_text.txt", "mood": tmp_path / "train_labels.txt"}
    first = init_config(files)
    assert first.config.data.train == {column: str(path) for column, path in files.items()}
    assert first.config.data.validation["mood"] == str(tmp_path / "val_labels.txt")
    assert list(first.config.tasks) == ["mood"] and first.text.count("# row") == 3
