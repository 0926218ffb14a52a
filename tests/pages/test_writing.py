"""A page on the disk: whole or not there, its numbers beside it, nothing of others replaced."""

import csv
import json
import os
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.errors import ConfigError
from mtc_keras.pages import (
    Column,
    Page,
    Paragraph,
    Part,
    Section,
    Table,
    Text,
    Texts,
    check_page,
    write_page,
)
from mtc_keras.pages.cells import DASH, cells_of
from mtc_keras.pages.pieces import AT_ONCE, pieces_of
from mtc_keras.pages.rendering import anchored, render
from tests.fuzzing import tries
from tests.pages.samples import HOSTILE, every_block


def page_of(*parts: Part) -> Page:
    return Page("Report", [("rows", "3")], parts)


def simple(number: float = 0.5) -> Page:
    rows = [{"class": "joy", "F1": number}, {"class": "a,b", "support": 3, "F1": float("nan")}]
    section = Section("Task mood", [Paragraph("Good.")], "task-mood")
    return page_of(Part(section, {"F1": np.float64(number)}, {"per class/mood": rows}))


def below(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def test_a_page_has_its_numbers_beside_it(tmp_path):
    write_page(simple(), tmp_path / "report.html")
    assert below(tmp_path) == [
        "report",
        "report.html",
        "report.json",
        "report/per_class_mood.csv",
    ]
    values = json.loads((tmp_path / "report.json").read_text())
    assert values["task-mood"] == {"F1": 0.5} and values["files"] == ["per_class_mood.csv"]
    with (tmp_path / "report/per_class_mood.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"class": "joy", "F1": "0.5", "support": ""},
            {"class": "a,b", "F1": "", "support": "3"},
        ]


def test_the_same_page_is_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_page(every_block(), tmp_path / name / "report.html")
    for path in filter(Path.is_file, (tmp_path / "a").rglob("*")):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_a_page_is_replaced_by_a_later_one_with_fewer_files(tmp_path):
    write_page(simple(0.5), tmp_path / "report.html")
    write_page(simple(0.75), tmp_path / "report.html")
    assert json.loads((tmp_path / "report.json").read_text())["task-mood"] == {"F1": 0.75}
    write_page(page_of(Part(Section("None", []))), tmp_path / "report.html")
    assert below(tmp_path) == ["report.html", "report.json"]


@pytest.mark.parametrize("name", ["report.html", "report.json", "report/notes.txt", "report"])
def test_what_somebody_else_has_written_is_not_replaced(tmp_path, name):
    mine = tmp_path / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    before = below(tmp_path)
    with pytest.raises(ConfigError, match="report"):
        write_page(simple(), tmp_path / "report.html")
    assert below(tmp_path) == before and mine.read_text() == "mine"


def test_a_file_that_was_put_among_those_of_a_page_is_kept(tmp_path):
    write_page(simple(), tmp_path / "report.html")
    (tmp_path / "report/notes.csv").write_text("mine")
    with pytest.raises(ConfigError, match="would be replaced"):
        check_page(tmp_path / "report.html")


def test_what_a_desktop_leaves_goes_with_the_page(tmp_path):
    write_page(simple(), tmp_path / "report.html")
    (tmp_path / "report/.DS_Store").write_text("")
    write_page(page_of(Part(Section("None", []))), tmp_path / "report.html")
    assert below(tmp_path) == ["report.html", "report.json"]


@pytest.mark.parametrize("name", ["report", "report.txt", ".html", "no/report.html", "a\0.html"])
def test_a_name_that_cannot_be_a_pages_is_refused(tmp_path, name):
    with pytest.raises(ConfigError):
        write_page(simple(), f"{tmp_path}/{name}")
    assert below(tmp_path) == []


def test_an_error_while_writing_leaves_what_was_there(tmp_path, monkeypatch):
    write_page(simple(0.5), tmp_path / "report.html")
    before = {name: (tmp_path / name).read_bytes() for name in ("report.html", "report.json")}

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="No space left"):
        write_page(simple(0.75), tmp_path / "report.html")
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert below(tmp_path) == ["report", "report.html", "report.json", "report/per_class_mood.csv"]


def test_names_of_files_and_keys_are_told_apart(tmp_path):
    parts = [Part(Section("a b", []), {"n": n}, {"../A b": [{"n": n}]}) for n in range(2)]
    parts.append(Part(Section("files", []), {"n": 2}, {"..": [], "a_B": []}))
    write_page(page_of(*parts), tmp_path / "report.html")
    values = json.loads((tmp_path / "report.json").read_text())
    assert {values[key]["n"] for key in ("a-b", "a-b-2", "files-2")} == {0, 1, 2}
    assert sorted(values["files"]) == sorted(os.listdir(tmp_path / "report"))
    assert len(values["files"]) == 4


def test_cells_are_written_by_the_kind_of_their_column():
    kinds = ["text", "count", "score", "share", "bar", "bar"]
    rows = [["a", 1234, 0.12345, 0.5, 3, 0.25], ["b", -1.5, float("nan"), None, 12, 0.5]]
    cells = cells_of(Table([Column(kind, kind) for kind in kinds], rows))
    first, second = [[cell.text for cell in row] for row in cells.rows]
    assert first == ["a", "1,234", "0.1235", "50.0%", "3", "25.0%"]
    assert second == ["b", "−1.5", DASH, DASH, "12", "50.0%"]
    assert [row[4].bar for row in cells.rows] == ["25.0", "100.0"]
    assert [row[5].bar for row in cells.rows] == ["25.0", "50.0"]


def test_rows_that_are_not_shown_are_told():
    table = Table([Column("n", "count")], [[n] for n in range(5)], caption="Numbers.", most=3)
    cells = cells_of(table)
    assert len(cells.rows) == 3 and cells.caption == "Numbers. The first 3 of 5 rows."


def test_words_are_found_in_their_text_and_all_of_it_is_shown():
    item = Text("No, no thanks!", (), [("No", 0.5), ("no", -1.0), ("thanks", 0.0)])
    pieces = pieces_of(item).seen
    assert "".join(piece.text for piece in pieces) == item.text
    assert [(p.text, p.sign, p.strength) for p in pieces if p.sign] == [
        ("No", "for", "50"),
        ("no", "against", "100"),
    ]
    changed = pieces_of(Text("É là", (), [("e", 1.0), ("la", 2.0)])).seen
    assert "".join(piece.text for piece in changed) == "e la"


def test_of_a_long_text_the_end_is_folded_and_of_a_very_long_one_left_out_and_said():
    words = [(f"w{number}", float(number % 3)) for number in range(1000)]
    text = " ".join(word for word, _ in words)
    pieces = pieces_of(Text(text, (), words))
    shown = ["".join(piece.text for piece in part) for part in (pieces.seen, pieces.folded)]
    assert "".join(shown) == text and len(shown[0]) == AT_ONCE
    assert pieces.summary == f"… {len(text) - AT_ONCE:,} more characters"
    longer = pieces_of(Text("x" * 20_000))
    assert sum(len(piece.text) for part in (longer.seen, longer.folded) for piece in part) == 10_000
    assert longer.summary == "… the first 10,000 of 20,000 characters"


class Tags(HTMLParser):
    """The tags of a page with the names of their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple] = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if tag != "title":  # of a name that has been cut
            self.found.append((tag, tuple(name for name, _ in attributes)))


def html_of(page: Page) -> str:
    return "".join(render(page, anchored([part.section for part in page.parts])))


@given(st.text(max_size=60) | st.sampled_from(HOSTILE))
@tries(15)
def test_fuzz_no_name_or_text_changes_what_a_page_consists_of(text):
    def page(name: str) -> Page:
        blocks = [
            Paragraph(name),
            Table([Column(name, help=name + "x")], [[name]], caption=name + "x"),
        ]
        blocks.append(Texts([Text(name, [(name, name)])]))
        return Page(name, [(name, name)], [Part(Section(name, blocks))])

    assert Tags(html_of(page(text))).found == Tags(html_of(page("a"))).found
