"""Tables of lines are read as they are written: delimiters, headers or none, quotes, line ends."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.errors import ConfigError
from tests.data.layouts import predicted, problems, read, training, write
from tests.fuzzing import tries

TEXTS = ["Bad food, bad room, bad bed", "Nice, if loud; we liked it", "Fine | really"]
SEPARATED = "x.csv: its cells are separated by {!r}; set data.delimiter if that is wrong"


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def table(delimiter: str, header: list[str], rows: list[list[str]]) -> str:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows([*([header] if header else []), *rows])
    return file.getvalue()


@pytest.mark.parametrize("name", ["x.csv", "x.tsv"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_shows_what_separates_the_cells(name, delimiter):
    rows = [[text, "a", "1"] for text in TEXTS]
    write(name, table(delimiter, ["text", "label", "c, d; e | f"], rows))
    columns, notes = read(name)
    assert columns["text"] == TEXTS
    assert columns["label"] == ["a", "a", "a"]
    told = [note for note in notes if "separated" in note]
    usual = {"x.csv": ",", "x.tsv": "\t"}[name]
    assert told == (
        [] if delimiter == usual else [SEPARATED.replace("x.csv", name).format(delimiter)]
    )
    assert predicted(name)[0] == TEXTS


def test_a_header_of_names_with_commas_is_not_split_at_them():
    write("x.csv", "text;label;c, d\none, two;a;1, 2\nthree, four;b;3, 4\n")
    assert list(read("x.csv")[0]) == ["text", "label", "c, d"]


@pytest.mark.parametrize(
    "content", ["text\na;b\nc|d\n", "text\r\na;b\r\nc|d\r\n", '"text"\na;b\nc|d\n']
)
def test_a_file_of_one_column_stays_one(content):
    columns, notes = read(write("x.csv", content))
    assert (columns, notes) == ({"text": ["a;b", "c|d"]}, [])


def test_excels_first_line_says_the_delimiter():
    write("x.csv", "sep=;\r\ntext;label\r\nBad, bad;a\r\nbroken\r\n")
    [problem] = problems("x.csv")
    assert problem == "data.train: x.csv:4: 1 cell, but the header has 2"
    write("x.csv", "sep=;\r\ntext;label\r\nBad, bad;a\r\n")
    columns, notes = read("x.csv")
    assert columns == {"text": ["Bad, bad"], "label": ["a"]}
    assert notes == [SEPARATED.format(";")]
    write("x.csv", '"sep=,"\ntext,label\nx,a\n')
    assert read("x.csv") == ({"text": ["x"], "label": ["a"]}, [])


def test_the_key_decides_and_is_refused_where_it_separates_nothing():
    write("x.csv", "text^label\na,b^c\n")
    assert read("x.csv", delimiter="^") == ({"text": ["a,b"], "label": ["c"]}, [])
    write("x.csv", "text;label\na,b;c\n")
    assert problems("x.csv", delimiter="|") == [
        "data.train: x.csv: data.delimiter '|' does not stand in its first line, whose cells are "
        "separated by ';'"
    ]
    write("x.csv", "text\tlabel\na\tc\n")
    assert read("x.csv", delimiter="\\t")[0] == {"text": ["a"], "label": ["c"]}
    for wrong in ("", "::", '"', "\n"):
        with pytest.raises(ConfigError, match="must be one character"):
            training("x.csv", delimiter=wrong)


HEADERLESS = [["good", "I liked the room, and the view"], ["bad", "No"], ["good", "Fine"]]


@pytest.mark.parametrize(
    ("name", "delimiter"), [("x.csv", ","), ("x.csv", ";"), ("x.tsv", "\t"), ("x.tsv", ",")]
)
def test_a_file_without_a_header_is_refused_with_the_header_that_reads_it(name, delimiter):
    write(name, table(delimiter, [], HEADERLESS))
    message = (
        f'{name}: its first row looks like data: set data.header = ["label", "text"] (2 columns)'
    )
    assert problems(name) == [f"data.train: {message}"]
    columns, _ = read(name, header=["label", "text"])
    assert columns == {"label": ["good", "bad", "good"], "text": [row[1] for row in HEADERLESS]}
    assert predicted(name, header=["label", "text"])[0] == columns["text"]


@pytest.mark.parametrize(
    ("rows", "guess"),
    [
        ([["0", "17", "A bad day"], ["4", "18", "A good one"]], '["label", "column_2", "text"]'),
        (
            [["9", "9", "bad day"], ["4", "9", "good"], ["3", "8", "x"]],
            '["column_1", "label", "text"]',
        ),
        ([["This is a text of more than seven words."], ["no"]], '["text"]'),
        ([["x" * 60, "a"], ["no", "b"]], '["text", "label"]'),
        ([["yes", "bad day"], ["no", "good one"], ["yes", "x"]], '["label", "text"]'),
    ],
)
def test_what_no_header_has_is_seen_and_names_are_guessed(rows, guess):
    write("x.csv", table(",", [], rows))
    [problem] = problems("x.csv")
    assert f"looks like data: set data.header = {guess}" in problem
    assert not any(cell in problem for row in rows for cell in row if len(cell) > 6)


@pytest.mark.parametrize("header", ["body,label", "0,1", "Review Text,Sentiment Label"])
def test_a_header_of_other_names_is_told_as_one(header):
    found = problems(write("x.csv", f"{header}\nsome text,a\nanother one,b\n"))
    assert "no text column 'text'" in found[-1]


QUESTION = "How satisfied are you with the course that you took?"


@pytest.mark.parametrize(
    "rows",
    [
        [["When", QUESTION, "body"]] + [["2024/03/01 9:12:00 AM", "Yes", "so"]] * 2,
        [["No.", QUESTION, "body"], ["1", "4", "so"], ["2", "3", "no"]],
        [[QUESTION, "Again?", "body"]] + [["Agree", "Yes", "so"], ["Disagree", "No", "no"]] * 5,
    ],
    ids=["dates", "numbers", "choices"],
)
def test_a_question_above_its_answers_is_a_name(rows):
    found = problems(write("x.csv", table(",", [], rows)))
    assert "no text column 'text'" in found[-1]
    columns, _ = read("x.csv", text="body", tasks={"label": {"kind": "multiclass"}})
    assert list(columns) == rows[0] and columns["body"] == [row[2] for row in rows[1:]]


def test_names_that_do_not_fit_are_told():
    write("x.csv", "good,fine\nbad,no\n")
    assert problems("x.csv", header=["text"]) == [
        "data.train: x.csv: data.header names 1 column, but the first row has 2 cells"
    ]
    write("x.csv", "text,label\nfine,good\n")
    columns, notes = read("x.csv", header=["text", "label"])
    assert columns == {"text": ["fine"], "label": ["good"]}
    assert notes == ["x.csv: its first row is the header of data.header, and no row"]
    assert problems("x.csv", header=["label", "text"]) == [
        "data.train: x.csv: its first row has the names of data.header in another order; leave "
        "data.header out"
    ]
    with pytest.raises(ConfigError, match="names two columns 'a'"):
        training("x.csv", header=["a", "a"])


def test_rows_above_the_header_are_left_out_and_told():
    write("x.csv", "Reviews of May\n\nmade by,us\ntext,label\nfine,a\n")
    columns, notes = read("x.csv")
    assert columns == {"text": ["fine"], "label": ["a"]}
    assert notes == ["x.csv: its header is line 4; 2 rows above it are not read"]


def test_the_numbers_of_rows_that_r_writes_and_last_delimiters_have_no_name():
    write("x.csv", '"text","label"\n"1","fine","a"\n"2","bad","b"\n')
    columns, notes = read("x.csv")
    assert columns == {"": ["1", "2"], "text": ["fine", "bad"], "label": ["a", "b"]}
    assert "as R writes them" in notes[0]
    write("x.csv", "text,label\nfine,a,\nbad,b,\n")
    columns, notes = read("x.csv")
    assert columns == {"text": ["fine", "bad"], "label": ["a", "b"], "": ["", ""]}
    assert "end in an empty cell" in notes[0]
    assert problems(write("x.csv", "text,label\nfine, really,a\nbad, too,b\n")) == [
        "data.train: x.csv:2: 3 cells, but the header has 2",
        "data.train: x.csv:3: 3 cells, but the header has 2",
    ]


def test_quotes_that_r_and_mysql_write_with_a_backslash_are_quotes():
    content = '"text","label"\n"he said \\"hi, you\\"","a"\n"C:\\\\new","b"\n"no","a"\n'
    columns, notes = read(write("x.csv", content))
    assert columns["text"] == ['he said "hi, you"', "C:\\\\new", "no"]
    assert notes == [
        'x.csv: quotes in its cells are written \\" and are read as quotes; set data.quoting if '
        "that is wrong"
    ]
    assert read("x.csv", quoting="escaped") == (columns, [])
    late = '"text","label"\n' + '"no","a"\n' * 9_000 + '"he \\"said\\"","a"\n'
    assert (
        'data.quoting = "none" if quotes are part of the texts, "escaped"'
        in problems(write("x.csv", late))[0]
    )
    assert read("x.csv", quoting="escaped")[0]["text"][-1] == 'he "said"'


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "mixed"])
def test_lines_may_end_in_any_way(end):
    lines = ["text,label", "one,a", '"tw\\to",b', "thr\0ee,c"]
    ends = ["\r", "\n", "\r\n", ""] if end == "mixed" else [end] * 4
    write("x.csv", "".join(line + ending for line, ending in zip(lines, ends, strict=True)))
    columns, notes = read("x.csv")
    assert columns["text"] == ["one", "tw\\to", "thr\0ee"]
    assert notes == []


names = st.sampled_from(["label", "id", "a, b", "c; d", "e|f", "who"])
cells = st.text(st.sampled_from('ab ,;|"\t\n'), max_size=6)


@tries(150)
@given(data=st.data(), delimiter=st.sampled_from(",;\t|"), name=st.sampled_from(["x.csv", "x.tsv"]))
def test_fuzz_any_delimiter_is_found(data, delimiter, name):
    header = [
        "text",
        *data.draw(st.lists(names.filter(lambda n: n != "text"), min_size=1, unique=True)),
    ]
    header = data.draw(st.permutations(header))
    rows = data.draw(st.lists(st.tuples(*[cells] * len(header)).map(list), min_size=1, max_size=5))
    rows = [[cell or "x" for cell in row] for row in rows]
    write(name, table(delimiter, header, rows))
    columns, _ = read(name, quoting="minimal")
    assert columns["text"] == [row[header.index("text")] for row in rows]


def test_several_columns_of_one_name_that_nobody_asks_for_are_left_out_and_told():
    write("x.csv", "text,label,note,note\na,b,1,2\n")
    columns, notes = read("x.csv")
    assert columns == {"text": ["a"], "label": ["b"]}
    assert notes == ["x.csv: several columns are called 'note', and are not read"]
    write("x.csv", "text,label,label\na,b,c\n")
    assert "two columns are called 'label'; rename one of them" in problems("x.csv")[0]


def test_a_table_in_markdown_is_read_without_its_rule():
    write(
        "x.txt",
        "| text | label |\n|:--|---|\n| a b | bus |\n| --- | fee |\n".replace(":--|", ":---|"),
    )
    columns, notes = read("x.txt")
    assert columns["label"] == [" bus ", " fee "]
    assert "x.txt: line 2 is the rule under a header, and no row" in notes


@pytest.mark.parametrize(
    ("name", "content", "keys", "note"),
    [
        ("x.csv", "text,label\na,b\n", {"records": "data"}, "data.records: nothing of it"),
        ("x.jsonl", '{"text": "a", "label": "b"}\n', {"delimiter": ";"}, "data.delimiter: nothing"),
        (
            "x.json",
            '[{"text": "a", "label": "b"}]',
            {"delimiter": ";", "quoting": "none"},
            "data.quoting and data.delimiter: nothing of it is read from a .json file",
        ),
        ("x.jsonl", '{"text": "a", "label": "b"}\n', {"header": ["x", "y"]}, "names of their own"),
        ("x.json", '[{"text": "a", "label": "b"}]', {"header": ["x", "y"]}, "names of their own"),
    ],
)
def test_keys_that_say_nothing_of_a_format_are_told(name, content, keys, note):
    columns, [found] = read(write(name, content), **keys)
    assert columns == {"text": ["a"], "label": ["b"]}
    assert note in found
    assert read(write(name, content))[1] == []
