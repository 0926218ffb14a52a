"""Lines of .txt files are texts, texts with fastText's labels, or rows of a table."""

import pytest

from mtc_keras.data.reading import read_splits
from tests.data.layouts import predicted, problems, read, training, write

SPAM = "ham\tOk lar, joking\nspam\tFree entry in 2 a wkly comp\nham\tU dun say so early\n"
HEADER = ["label", "text"]


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", ["x.txt", "x.TXT"])
def test_each_line_is_a_text_under_the_name_of_the_text_column(name):
    write(name, '"He came, she; said|he\r\nNo label here\r\n\r\nlast')
    columns, notes = read(name, {"other": {"kind": "regression"}}, text="body")
    assert columns == {"body": ['"He came, she; said|he', "No label here", "", "last"]}
    assert notes == []
    texts, bad, _ = predicted(name, text="body")
    assert texts == ['"He came, she; said|he', "No label here", "last"]
    assert bad == [(3, "column 'body' is missing")] or bad[0][0] == 3
    write(name, "text\nfirst\nsecond\n")
    assert read(name) == (
        {"text": ["first", "second"]},
        [f"{name}: its first line is 'text', its header and no row"],
    )


def test_cells_of_a_txt_file_need_a_header_that_is_guessed():
    write("x.txt", SPAM)
    message = (
        "x.txt: its lines have 2 cells separated by '\\t': set data.delimiter = \"\\t\" and "
        'data.header = ["label", "text"]'
    )
    assert problems("x.txt") == [f"data.train: {message}"]
    columns, notes = read("x.txt", header=HEADER, delimiter="\t")
    assert columns["label"] == ["ham", "spam", "ham"]
    assert columns["text"][0] == "Ok lar, joking"
    assert notes == []
    assert predicted("x.txt", header=HEADER, delimiter="\t")[0] == columns["text"]
    columns, notes = read("x.txt", header=HEADER)
    assert columns["label"] == ["ham", "spam", "ham"]
    assert "separated by '\\t'" in notes[0]
    texts, _, [note] = predicted("x.txt")
    assert texts[0] == "ham\tOk lar, joking"
    assert note.startswith("x.txt: each line is read as one text; its lines have 2 cells")


@pytest.mark.parametrize("delimiter", ["\t", "|", ";", ","])
def test_a_header_with_the_text_column_makes_a_table(delimiter):
    write(
        "x.txt",
        SPAM.replace(",", "").replace("\t", delimiter).join(["label" + delimiter + "text\n", ""]),
    )
    columns, [note] = read("x.txt")
    assert columns["label"] == ["ham", "spam", "ham"]
    assert f"separated by {delimiter!r}" in note


@pytest.mark.parametrize("name", ["x.txt", "x.train", "cooking.valid", "labelled"])
def test_labels_of_fasttext_are_a_column(name):
    lines = [
        "__label__sauce __label__cheese How much does potato starch affect a cheese sauce?",
        "__label__food-safety\tDangerous pathogens, capable of growing",
        "",
        "__label__cast-iron  __label__stove How do I cover up the white spots",
        "No label at all, and __label__ within",
    ]
    write(name, "\n".join(lines) + "\n")
    columns, notes = read(name)
    assert columns["__label__"] == [
        ["sauce", "cheese"],
        ["food-safety"],
        ["cast-iron", "stove"],
        None,
    ]
    assert columns["text"][:2] == [
        "How much does potato starch affect a cheese sauce?",
        "Dangerous pathogens, capable of growing",
    ]
    assert columns["text"][3] == lines[4]
    assert notes == []
    assert predicted(name)[0] == columns["text"]


def test_tasks_of_several_labels_and_of_one_read_fasttext():
    write("x.txt", "__label__a __label__b one\n__label__b two\n__label__a three\nfour\n")
    tasks = {"tags": {"kind": "multilabel", "column": "__label__"}}
    dataset = read_splits(training("x.txt", tasks))
    assert dataset.tasks[0].classes == ["a", "b"]
    assert dataset.train.targets["tags"][:3].tolist() == [[1, 1], [0, 1], [1, 0]]
    write("x.txt", "__label__a one\n__label__b two\n__label__a three\nfour\n")
    tasks = {"mood": {"kind": "multiclass", "column": "__label__"}}
    dataset = read_splits(training("x.txt", tasks))
    assert dataset.train.targets["mood"].tolist() == [0, 1, 0, -1]


def test_a_prefix_of_ones_own_is_told():
    write("x.txt", "__class__a one\n__class__b two\n")
    _, [note] = read("x.txt")
    assert note == (
        "x.txt: its lines begin with '__class__', which is read as text: of labels, only "
        "'__label__' is known"
    )


@pytest.mark.parametrize("name", ["SMSSpamCollection", "x.data", "x.tab"])
def test_a_table_may_have_any_name_if_the_config_says_that_it_is_one(name):
    write(name, SPAM)
    assert read(name, header=HEADER)[0]["label"] == ["ham", "spam", "ham"]
    if name != "x.tab":
        [problem] = problems(name)
        assert "unknown extension" in problem
        assert "data.header" in problem
