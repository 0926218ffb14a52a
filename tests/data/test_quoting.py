"""No quote takes rows with it in silence: it stands around cells, or is a part of a text."""

import csv
import io
import threading
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.config import DataConfig, check_config
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.formats.long_cells import long_cells
from mtc_keras.data.inputs import read_inputs
from mtc_keras.data.reading import read_rows, read_splits
from mtc_keras.data.sources import file_blocks
from mtc_keras.errors import DataError
from tests.fuzzing import tries

OPEN_QUOTE = 'text\tlabel\n"I will be back he said and left\tneutral\n'
OPEN_QUOTE += 'she smiled and it was over"\thappy\nplain\tsad\n'


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(name: str, content: str, **options) -> tuple[dict[str, list], list[str]]:
    """Returns the cells of a file by column, and what is told of it."""
    Path(name).write_text(content, newline="")
    notes: list[str] = []
    columns: dict[str, list] = {}
    for block in file_blocks(name, notes=notes, layout=Layout(**options)):
        for column, cells in block.columns.items():
            columns.setdefault(column, []).extend(cells)
    return columns, notes


def test_a_text_of_tsv_that_opens_with_a_quote_takes_no_row_with_it():
    columns, notes = read("x.tsv", OPEN_QUOTE)
    assert columns["label"] == ["neutral", "happy", "sad"]
    assert columns["text"][0] == '"I will be back he said and left'
    assert notes == [
        "x.tsv: 1 cell opens with a quote, which is read as part of the text, first x.tsv:2; "
        'else set data.quoting = "minimal"'
    ]


def test_what_is_told_of_quotes_reaches_the_notes_of_a_training_and_of_an_evaluation():
    Path("x.tsv").write_text(OPEN_QUOTE)
    config = check_config({"data": {"train": "x.tsv"}, "tasks": {"label": {"kind": "multiclass"}}})
    dataset = read_splits(config)
    assert len(dataset.train) == 3
    [note] = dataset.notes
    assert "opens with a quote" in note
    assert read_rows("x.tsv", dataset.tasks, config.data, "test").notes == [note]


@pytest.mark.parametrize("name", ["x.tsv", "x.csv"])
def test_every_text_that_pandas_writes_is_read_as_it_was(name):
    texts = ['he said "hi"', "tab\there", "line\nbreak", '"', "plain", 'ends in "quotes"', "a, b"]
    frame = pd.DataFrame({"n": range(len(texts)), "text": texts, "label": ["a"] * len(texts)})
    columns, notes = read(name, frame.to_csv(index=False, sep="\t" if name == "x.tsv" else ","))
    assert columns["text"] == texts
    assert notes == (
        []
        if name == "x.csv"
        else [
            "x.tsv: 5 cells open with a quote, which is read as around the cell, as csv has it, "
            'first x.tsv:2; else set data.quoting = "none"'
        ]
    )


@pytest.mark.parametrize(
    "line",
    [
        '"quoted wholly"\ta',  # by a speaker, or by a program that quotes everything
        '"a text\tb"',  # a label that ends in a quote
        '"one" and "two"\ta',
        'two "" inside\ta',
        '"\ta',
    ],
)
def test_a_line_of_tsv_that_is_whole_by_itself_stays_so(line):
    columns, notes = read("x.tsv", f"text\tlabel\nfirst\tb\n{line}\nlast\tb\n")
    assert columns["text"] == ["first", line.split("\t")[0], "last"]
    assert columns["label"] == ["b", line.split("\t")[1], "b"]
    assert len(notes) == line.startswith('"')


def test_the_key_decides_what_quotes_mean():
    assert read("x.tsv", OPEN_QUOTE, quoting="none")[1] == []
    columns, notes = read("x.tsv", OPEN_QUOTE, quoting="minimal")
    assert columns["label"] == ["happy", "sad"]
    assert notes == [
        "x.tsv: 1 row with line breaks in quotes would be several rows if its quotes were text, "
        'first x.tsv:2 (to line 3); then set data.quoting = "none"'
    ]
    columns, notes = read("x.csv", 'text,label\n"a,b\nc",d\n', quoting="none")
    assert columns == {"text": ['"a', 'c"'], "label": ["b", "d"]}
    assert notes == []
    Path("x.tsv").write_text(OPEN_QUOTE)
    [(inputs, _)] = read_inputs("x.tsv", DataConfig(quoting="minimal"), 10)
    assert len(inputs) == 2


def test_rows_of_csv_that_quotes_may_have_merged_are_counted():
    content = 'text,label\n"x,1\ny",2\nplain,1\n"a\nlegal break",2\n"u,1\nv,2\nw",1\n'
    columns, notes = read("x.csv", content)
    assert len(columns["text"]) == 4
    assert notes == [
        "x.csv: 2 rows with line breaks in quotes would be several rows if their quotes were text, "
        'first x.csv:2 (to line 3); then set data.quoting = "none"'
    ]


def test_a_quote_that_is_never_closed_names_the_row_where_it_opens():
    with pytest.raises(DataError) as caught:
        read("x.csv", 'text,label\nok,0\n"never closed,1\nnext,0\nlast,1\n')
    [problem] = caught.value.problems
    assert problem.startswith("x.csv:3: ")
    assert "lines 3 to 5 were read as one row" in problem
    assert 'set data.quoting = "none" if quotes are part of the texts' in problem


def test_a_row_of_tsv_that_a_line_break_tears_says_which_key_would_help():
    with pytest.raises(DataError) as caught:
        read("x.tsv", 'text\tlabel\n"torn\napart"\ta\n"x "y"\tb\n')
    assert caught.value.problems[0] == (
        "x.tsv:2: 1 cell, but the header has 2; a cell opens with a quote: set "
        'data.quoting = "minimal" if it stands around the cell'
    )


def test_a_csv_of_semicolons_is_read_and_told():
    content = '\ufefftexte;sujet\n"Très bon accueil; merci";accueil\nDélai trop long;délai\n'
    columns, notes = read("x.csv", content)
    assert columns == {
        "texte": ["Très bon accueil; merci", "Délai trop long"],
        "sujet": ["accueil", "délai"],
    }
    assert notes == ["x.csv: its cells are separated by ';'; set data.delimiter if that is wrong"]
    assert read("x.csv", "text\na; b\n") == ({"text": ["a; b"]}, [])


def test_columns_without_a_name_are_nobodys():
    columns, notes = read("x.csv", "text,label,,\na,x,,\nb,y,1,\n")
    assert columns == {"text": ["a", "b"], "label": ["x", "y"]}
    assert notes == ["x.csv: 2 columns have no name and are not read"]
    # One can be told from the others: pandas writes its index so.
    assert read("x.csv", ",text\n0,a\n") == ({"": ["0"], "text": ["a"]}, [])


def test_a_header_that_stands_between_rows_again_is_told():
    content = "text,label,\na,x,\ntext,label,\nb,y,\ntext,label,\n"
    columns, notes = read("x.csv", content)
    assert columns["label"] == ["x", "label", "y", "label"]
    assert notes == [
        "x.csv: 2 rows repeat the header, as in files put together, and are read as any other, "
        "first x.csv:3"
    ]
    assert read("x.csv", "text,label\ntext,x\nb,label\n")[1] == []


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_all_line_ends_and_blank_lines_end_rows(end):
    for name, tab in (("x.csv", ","), ("x.tsv", "\t")):
        lines = [f"text{tab}label", "", f"a{tab}x", "", "", f"b\0{tab}y"]
        assert read(name, end.join(lines)) == ({"text": ["a", "b\0"], "label": ["x", "y"]}, [])


def test_the_limit_on_cells_of_other_csv_readers_stays_as_it_was():
    long = "x" * 200_000
    before = csv.field_size_limit(1234)
    try:
        assert read("x.csv", f"text\n{long}\n")[0]["text"] == [long]
        assert read("x.tsv", f'text\n"a ""{long}"""\n')[0]["text"] == [f'a "{long}"']
        blocks = file_blocks("x.csv", rows=1)
        Path("x.csv").write_text(f"text\n{long}\nb\n")
        next(blocks)
        assert csv.field_size_limit() == 1234  # also while a file is half read
        with pytest.raises(csv.Error):
            list(csv.reader(io.StringIO(long)))
    finally:
        csv.field_size_limit(before)


def test_the_limit_is_put_back_by_the_last_reader():
    before = csv.field_size_limit()
    inside, leave = threading.Event(), threading.Event()

    def other():
        with long_cells:
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(10)
    with long_cells:
        pass
    assert csv.field_size_limit() > before
    leave.set()
    thread.join()
    assert csv.field_size_limit() == before


words = st.text(st.sampled_from("ab\"' ,;"), min_size=1, max_size=6).filter(str.strip)


@tries(60)
@given(st.lists(st.tuples(words, st.sampled_from(["x", "y"])), min_size=1, max_size=12))
def test_fuzz_as_many_rows_come_out_of_a_tsv_without_quoting_as_lines_went_in(rows):
    columns, _ = read("x.tsv", "text\tlabel\n" + "".join(f"{t}\t{x}\n" for t, x in rows))
    assert columns["label"] == [label for _, label in rows]


written = st.text(st.sampled_from('ab" \t\n,;'), min_size=1, max_size=6)


@tries(60)
@given(st.lists(written, min_size=1, max_size=12), st.sampled_from(["x.csv", "x.tsv"]))
def test_fuzz_what_a_csv_writer_writes_is_read_or_told(texts, name):
    frame = pd.DataFrame({"text": texts, "label": "x", "n": "0"})
    content = frame.to_csv(index=False, sep="\t" if name == "x.tsv" else ",")
    try:
        columns, notes = read(name, content)
    except DataError as error:  # a tsv whose quotes also make rows without quoting
        assert 'data.quoting = "minimal"' in str(error)
    else:
        assert columns["text"] == texts or notes


@pytest.mark.parametrize(
    "content",
    [
        '"text"\t"label"\n"a b"\t"x"\n"c"\t"y"\n',  # everything quoted, as many programs write
        '"text"\t"label"\t"n"\r\n"a b"\t"x"\t1\r\n"c"\t"y"\t2\r\n',
        'text\tlabel\r\n"a, b"\tx\r\n"c, d, e"\t"y, z"\r\nplain\tx\r\n',  # Excel
    ],
)
def test_a_tsv_whose_program_put_quotes_around_cells_is_read_as_csv_is(content):
    found = read("x.tsv", content)
    expected = read("x.csv", content)[0]  # told apart by its header of tabs
    assert found[0] == expected
    assert not any(c.startswith('"') for cells in found[0].values() for c in cells)
    assert "read as around the cell" in found[1][0]


@pytest.mark.parametrize(
    "content",
    [
        'text\tlabel\n"well, yes"\tx\nand, so on\ty\n"no, no"\tx\n',  # a comma without quotes
        'text\tlabel\n"well, yes"\tx\nplain\ty\n',  # one cell may be by a speaker
        'text\tlabel\n"well, yes"\tx\n"no, no"\tx\n"never"\ty\n',
        'text\tlabel\n"well, yes" she said\tx\n"no, no"\tx\n"a, b"\ty\n',
        '"text"\tlabel\n"a"\tx\n"b"\ty\n',
    ],
)
def test_quotes_of_a_tsv_that_may_be_a_speakers_stay_in_the_text(content):
    columns, notes = read("x.tsv", content)
    lines = [line.split("\t") for line in content.splitlines()]
    assert list(map(list, zip(*columns.values(), strict=True))) == lines[1:]
    assert "part of the text" in notes[0]
