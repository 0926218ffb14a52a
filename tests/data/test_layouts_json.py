"""Rows are found in whatever JSON people's programs write."""

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.data.reading import read_splits
from mtc_keras.errors import DataError, UserError
from tests.data.layouts import predicted, problems, read, training, write
from tests.fuzzing import tries

ROWS = [{"text": f"text {n}", "label": "ab"[n % 2]} for n in range(4)]
FRAME = pd.DataFrame(ROWS)
TEXTS, LABELS = FRAME["text"].tolist(), FRAME["label"].tolist()
BY_ID = {f"r{n}": row for n, row in enumerate(ROWS)}
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
PRETTY = "\n".join(json.dumps(row, indent=1) for row in ROWS)


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (ROWS, []),
        ({"version": 1, "data": ROWS}, ["x.json: its rows are those of 'data'"]),
        (
            {"status": {"code": 1}, "result": {"items": ROWS, "next": None}},
            ["x.json: its rows are those of 'result.items'"],
        ),
        (
            {"features": [{"name": "text"}], "rows": ROWS},
            ["x.json: its rows are those of 'rows', not those of 'features'"],
        ),
        (BY_ID, ["x.json: its rows are the values of an object, whose keys are their ids"]),
        (
            {"version": 2, "data": BY_ID},
            [
                "x.json: its rows are those of 'data'",
                "x.json: its rows are the values of an object, whose keys are their ids",
            ],
        ),
        (FRAME.to_dict("list"), ["x.json: is read as a list of cells per column"]),
        (ROWS[:1] * 4, []),
    ],
)
def test_the_rows_of_a_document_are_found_and_told(content, told):
    columns, notes = read(write("x.json", json.dumps(content)))
    assert (columns["text"], columns["label"]) == (
        (TEXTS, LABELS) if content != ROWS[:1] * 4 else (["text 0"] * 4, ["a"] * 4)
    )
    assert notes == told


@pytest.mark.parametrize("orient", ["records", "columns", "split", "index", "table"])
def test_whatever_pandas_writes_is_read(orient):
    FRAME.to_json("x.json", orient=orient)
    columns, notes = read("x.json")
    assert (columns["text"], columns["label"]) == (TEXTS, LABELS)
    assert bool(notes) == (orient != "records")


def test_keys_of_rows_are_their_ids_unless_they_have_their_own():
    rows = {"a": ROWS[0], "b": {**ROWS[1], "id": "own"}, "c": ROWS[2], "d": ROWS[3]}
    write("x.json", json.dumps(rows))
    assert list(read_splits(training("x.json")).train.ids or []) == ["a", "own", "c", "d"]
    found = read_splits(training("x.json", id="key"))
    assert list(found.train.ids or []) == ["a", "b", "c", "d"]
    columns, _ = read("x.json", rename={"key": "id"})
    assert columns["key"] == ["a", "b", "c", "d"]


def test_rows_with_lists_of_objects_of_their_own_are_still_the_rows():
    rows = {key: {**row, "genres": [{"name": "x"}]} for key, row in BY_ID.items()}
    assert read(write("x.json", json.dumps(rows)))[0]["text"] == TEXTS
    nested = [{"data": {"text": text}, "genres": [{"name": "x"}]} for text in TEXTS]
    columns, _ = read(write("y.json", json.dumps({"data": nested})), text="data.text")
    assert [cell["text"] for cell in columns["data"]] == TEXTS


@pytest.mark.parametrize("content", [LINES, "\n" + LINES + "\n\n", LINES.replace("\n", "\r\n")])
def test_a_json_file_of_lines_is_read_as_lines_and_told(content):
    columns, notes = read(write("x.json", content))
    assert columns["text"] == TEXTS
    assert notes == ["x.json: holds an object per line, and is read so"]


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_objects_of_several_lines_one_after_another_are_rows(name):
    assert read(write(name, PRETTY))[0]["text"] == TEXTS


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("content", [ROWS, {"version": 1, "data": ROWS}])
def test_lines_that_are_one_document_are_read_as_one_and_told(content, indent):
    if indent is None and isinstance(content, dict):
        return  # a line that is an object is a row
    columns, notes = read(write("x.jsonl", json.dumps(content, indent=indent)))
    assert columns["text"] == TEXTS
    assert notes[0] == "x.jsonl: is one JSON document, not an object per line, and is read so"
    assert predicted("x.jsonl")[0] == TEXTS


def test_lines_of_which_the_first_is_broken_stay_lines():
    broken = '[{"text": "half\n' + LINES
    assert "x.jsonl:1: is not JSON" in problems(write("x.jsonl", broken))[0]
    texts, bad, _ = predicted("x.jsonl")
    assert texts == TEXTS
    assert [place for place, _ in bad] == [1]
    texts, bad, _ = predicted(write("y.jsonl", '["text", "label"]\n' + LINES))
    assert (texts, len(bad)) == (TEXTS, 1)


def test_several_lists_of_rows_are_refused_with_the_line_that_chooses():
    write("x.json", json.dumps({"good": ROWS, "worse": ROWS[:1]}))
    [problem] = problems("x.json")
    assert problem == (
        "data.train: x.json: rows stand in several places, 'good', 'worse'; "
        'set records = "good" or records = "worse"'
    )
    columns, notes = read("x.json", records="good")
    assert (columns["text"], notes) == (TEXTS, [])
    assert read("x.json", records="worse")[0]["text"] == TEXTS[:1]


def test_records_is_a_path_and_a_wrong_one_is_refused():
    pages = [{"items": ROWS[:2]}, {"items": ROWS[2:]}]
    write("x.json", json.dumps({"pages": pages, "note": "x"}))
    assert read("x.json", records="pages[].items[]")[0]["text"] == TEXTS
    assert read("x.json", records="pages[0].items")[0]["text"] == TEXTS[:2]
    [problem] = problems("x.json", records="page")
    assert "there are no rows in 'page'. Did you mean 'pages'? Keys: 'pages', 'note'" in problem
    [problem] = problems("x.json", records="note")
    assert "there are no rows in 'note'" in problem
    [problem] = problems("x.json", records="pages.items")
    assert "pages[].items reads all of its items" in problem
    [problem] = problems(write("y.json", json.dumps(ROWS)), records="data")
    assert "but the file holds a list; leave it out" in problem


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"text": ["a", "b"], "label": ["x"]}, "different numbers of cells: 'text' 2, 'label' 1"),
        ({"columns": ["a", "a"], "data": [[1, 2]]}, "two columns are called 'a'"),
        ({"columns": ["a", "b"], "data": [[1]]}, "x.json:row 0: has 1 cell"),
        ({"columns": 3, "data": [[1]]}, "no lists of names and of rows"),
        ({"a": 1, "b": {"c": 2}}, 'set records = "key.key"'),
        ("secret", "must be an array of objects, received str"),
        ([["secret", "label"]], "x.json: its rows are lists of cells without names, set data.head"),
        ({}, "holds no rows"),
        ({"data": []}, "data"),
    ],
)
def test_what_holds_no_rows_is_refused_and_never_quoted(content, message):
    found = problems(write("x.json", json.dumps(content)))
    assert message in found[0]
    assert "secret" not in found[0]


@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_a_key_that_stands_twice_is_refused(name):
    twice = '{"text": "a", "label": "x", "text": "b"}'
    content = f"[{twice}]" if name == "x.json" else f"{LINES}{twice}\n"
    place = "x.json:1" if name == "x.json" else "x.jsonl:5"
    [problem] = problems(write(name, content))
    assert problem == f"data.train: {place}: the key 'text' stands twice in one object"


def test_what_is_nested_too_deeply_or_too_long_is_refused():
    deep = "[" * 100_000
    assert "x.json:1: is not JSON" in problems(write("x.json", deep))[0]
    assert "x.jsonl:5: is not JSON" in problems(write("x.jsonl", LINES + deep))[0]
    long = '{"text": ' + "1" * 5000 + "}"
    assert "x.jsonl:5: is not JSON" in problems(write("x.jsonl", LINES + long))[0]
    many = json.dumps({"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": ROWS}}}}}}}})
    assert 'set records = "key.key"' in problems(write("x.json", many))[0]
    assert read("x.json", records="a.b.c.d.e.f.g.h")[0]["text"] == TEXTS


@pytest.mark.parametrize(
    ("task", "text", "row"),
    [
        (
            {"kind": "multiclass", "column": "annotations[0].result[0].value.choices[0]"},
            "data.text",
            lambda text, label: {
                "id": 7,
                "data": {"text": text},
                "annotations": [{"result": [{"value": {"choices": [label]}}]}],
            },
        ),
        (
            {"kind": "multilabel", "column": "annotations[].result[].value.choices[]"},
            "data.text",
            lambda text, label: {
                "data": {"text": text},
                "annotations": [{"result": [{"value": {"choices": [label]}}]}],
            },
        ),
        (
            {"kind": "multilabel", "column": "label"},
            "text",
            lambda text, label: {"id": 1, "text": text, "label": [label]},
        ),
        (
            {"kind": "multiclass", "column": "labels"},
            "data",
            lambda text, label: {"id": 1, "data": text, "labels": [label]},
        ),
        (
            {"kind": "multiclass", "column": "accept"},
            "text",
            lambda text, label: {"text": text, "accept": [label], "answer": "accept"},
        ),
        (
            {"kind": "multiclass", "column": "cats[0].name"},
            "document.content",
            lambda text, label: {"document": {"content": text}, "cats": [{"name": label}]},
        ),
        (
            {"kind": "multiclass", "column": "messages[1].content"},
            "messages[0].content",
            lambda text, label: {
                "messages": [
                    {"role": "user", "content": text},
                    {"role": "assistant", "content": label},
                ]
            },
        ),
    ],
)
@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_exports_of_annotation_tools_need_a_path_each(name, task, text, row):
    rows = [row(*pair) for pair in zip(TEXTS, LABELS, strict=True)]
    lines = "\n".join(map(json.dumps, rows))
    write(name, json.dumps(rows, indent=2) if name == "x.json" else lines)
    found = read_splits(training(name, {"label": task}, text=text))
    assert list(found.train.texts[0]) == TEXTS
    assert found.tasks[0].known_classes == ["a", "b"]


leaves = st.none() | st.integers() | st.sampled_from(["Confidential", "a", "b"]) | st.floats()
keys = st.sampled_from(["text", "label", "data", "columns", "index", "id", "x", "0", "1"])
documents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=15,
)


@tries(150)
@given(documents, st.sampled_from(["x.json", "x.jsonl"]), st.sampled_from([None, "data", "x[].0"]))
def test_fuzz_any_json_is_read_or_refused(document, name, records):
    write(name, json.dumps(document))
    options = {} if records is None else {"records": records}
    try:
        read_splits(training(name, **options))
    except UserError as error:
        assert isinstance(error, DataError)


@pytest.mark.parametrize(
    ("name", "content", "help"),
    [
        (
            "x.jsonl",
            '{"text": "a", "label": "b"},\n{"text": "c", "label": "d"}\n',
            "end of the line",
        ),
        ("x.json", '[{"text": "a", "label": "b"},\n]', "take away the comma before it"),
        ("x.jsonl", "{'text': 'a', 'label': 'b'}\n", "json.dumps writes JSON"),
        ("x.json", 'Here:\n```json\n[{"text": "a"}]\n```\n', "take away the lines of ```"),
    ],
)
def test_what_is_nearly_json_is_refused_with_what_to_mend(name, content, help):
    assert help in problems(write(name, content))[0]
