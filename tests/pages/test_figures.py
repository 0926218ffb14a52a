"""Figures: the same bytes, the page's colours, whatever the numbers and names."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.pages import figures
from mtc_keras.pages import names as page_names
from mtc_keras.pages.figures import Mark
from tests.fuzzing import tries
from tests.pages.samples import HOSTILE

CURVE = ([0.0, 0.5, 1.0], [1.0, 0.4, 0.2])


def texts(svg: str) -> list[str]:
    return [element.text for element in ElementTree.fromstring(svg).iter("text")]


def titles(svg: str) -> list[str]:
    return [element.text for element in ElementTree.fromstring(svg).iter("title")]


KINDS = {
    "bars": lambda names, numbers: figures.bars(
        names, numbers, axis=names[0], reference=Mark(names[0], numbers[0])
    ),
    "histogram": lambda names, numbers: figures.histogram(
        numbers, axis=names[0], marks=[Mark(names[0], numbers[0]), Mark("far", 1e9)]
    ),
    "histograms": lambda names, numbers: figures.histogram(
        {names[0]: numbers, "b": numbers[:1]}, axis=names[0]
    ),
    "lines": lambda names, numbers: figures.lines(
        {names[0]: (numbers, numbers), "b": CURVE},
        x_axis=names[0],
        y_axis=names[0],
        marks=[Mark(names[0], numbers[0], numbers[-1])],
        diagonal=True,
    ),
    "scatter": lambda names, numbers: figures.scatter(
        numbers, numbers[::-1], x_axis=names[0], y_axis=names[0]
    ),
    "heatmap": lambda names, numbers: figures.heatmap(
        [numbers] * len(names), names, names, row_axis=names[0], column_axis=names[0]
    ),
    "forest": lambda names, numbers: figures.forest(
        names, numbers, numbers, numbers[::-1], axis=names[0]
    ),
}


def drawn(names, numbers) -> dict[str, str]:
    """Returns one figure of each kind, from as many names as numbers."""
    return {kind: draw(names, numbers) for kind, draw in KINDS.items()}


def test_the_same_numbers_give_the_same_bytes_in_every_process_and_whatever_matplotlib_is_set_to():
    once = drawn(["a", "b", "c"], [1.0, 2.0, 5.0])
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.facecolor": "red"}):
        assert drawn(["a", "b", "c"], [1.0, 2.0, 5.0]) == once
    code = (
        "from tests.pages.test_figures import drawn\n"
        "print(*drawn(['a', 'b', 'c'], [1.0, 2.0, 5.0]).values(), sep='')"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert printed.stdout.strip() == "".join(once.values())


@pytest.mark.parametrize("kind", KINDS)
def test_all_colours_and_fonts_are_the_pages(kind):
    svg = KINDS[kind](["a", "b"], [1.0, 2.0])
    assert "var(--" in svg
    assert not re.search(r"#[0-9a-f]{6}|rgb|font-family|<style|<metadata|<\?xml|xmlns", svg)


def test_names_are_text_as_they_are_and_a_long_one_is_whole_in_its_title():
    svg = figures.bars(["$x^2$", "a_b", "<b>&amp;", "one\ntwo", "end" * 40], [1, 2, 3, 4, 5])
    assert {"$x^2$", "a_b", "<b>&amp;", "one two"} <= set(texts(svg))
    assert not any("end" * 40 in text for text in texts(svg))
    assert "end" * 40 in titles(svg)
    assert "one two: 4" in titles(svg)


def test_two_names_that_begin_alike_stay_different_where_they_are_cut():
    names = [f"how_satisfied_are_you_with_the_{what}" for what in ("queue", "clerk")]
    first, second = (text for text in texts(figures.bars(names, [1, 1])) if "…" in text)
    assert first.endswith("queue") and second.endswith("clerk")


@pytest.mark.parametrize("values", [[], [float("nan")] * 2, [float("inf"), float("nan")]])
def test_nothing_to_draw_is_said(values):
    names = ["a", "b"][: len(values)]
    some = [
        figures.bars(names, values),
        figures.histogram(values, axis="x"),
        figures.lines({"a": (values, values)}, x_axis="x", y_axis="y"),
        figures.scatter(values, values, x_axis="x", y_axis="y"),
        figures.heatmap(np.full((len(values),) * 2, np.nan), names, names),
        figures.forest(names, values, values, values),
    ]
    assert all(texts(svg) == ["no values"] for svg in some)
    assert texts(figures.lines({}, x_axis="x", y_axis="y")) == ["no values"]


def test_a_bar_that_is_no_number_leaves_the_others():
    svg = figures.bars(["a", "b", "c"], [3, float("nan"), 1])
    assert titles(svg) == ["a: 3", "c: 1"] and {"a", "b", "c"} <= set(texts(svg))


def test_bars_of_several_series_name_each():
    svg = figures.bars(["a"], {"train": [1200], "test": [7]})
    assert titles(svg) == ["a, train: 1,200", "a, test: 7"]
    assert {"train", "test"} <= set(texts(svg))


def test_bars_too_thin_for_numbers_have_a_scale():
    svg = figures.bars(["a"], {name: [0.5] for name in ("train", "validation", "test")})
    assert {"0", "0.2", "0.4"} <= set(texts(svg))


def test_what_is_left_out_is_said():
    many = [f"c{n}" for n in range(100)]
    assert "the first 60 of 100" in texts(figures.bars(many, range(100)))
    cloud = figures.scatter(range(3000), range(3000), x_axis="x", y_axis="y")
    assert "1,000 of 3,000 points, drawn at random" in texts(cloud)
    lengths = [*range(20)] * 50 + [5000]
    assert any("up to 5,000" in text for text in texts(figures.histogram(lengths, axis="tokens")))


def test_of_a_great_confusion_matrix_the_most_confused_classes_are_drawn():
    names = [f"c{n}" for n in range(100)]
    matrix = np.eye(100) * 50
    matrix[3, 97] = matrix[97, 3] = 9
    svg = figures.heatmap(matrix, names, names, most=2)
    assert [text for text in texts(svg) if text.startswith("c")] == ["c3", "c97"] * 2
    assert any("2 of 100 × 2 of 100" in text for text in texts(svg))
    assert len(figures.heatmap(np.ones((64, 64)), names[:64], names[:64], most=64)) < 300_000


def test_a_matrix_of_few_classes_has_its_numbers_in_its_cells():
    svg = figures.heatmap([[0.9, 0.1], [0.25, 0.75]], "ab", "cd", counts=[[18, 2], [5, 15]])
    assert set(texts(svg)) == {"18", "2", "5", "15", *"abcd"}
    assert "−0.50" in texts(figures.heatmap([[-0.5, 1]], ["a"], ["c", "d"]))


def test_an_interval_on_one_side_of_the_line_is_coloured():
    svg = figures.forest("abc", [0.02, -0.03, 0.0], [0.01, -0.04, -0.1], [0.03, -0.02, 0.1])
    shown = texts(svg)
    assert {"+0.020 [+0.010, +0.030]", "−0.030 [−0.040, −0.020]"} <= set(shown)
    assert svg.count("var(--accent)") >= 2 and svg.count("var(--warm)") >= 2


def test_there_is_no_epoch_between_two():
    svg = figures.lines({"a": ([1, 2], [0.5, 0.4])}, x_axis="epoch", y_axis="loss")
    assert [text for text in texts(svg) if text.startswith(("1", "2"))] == ["1", "2"]


def test_one_value_has_a_histogram_and_a_curve():
    assert "no values" not in texts(figures.histogram([7, 7, 7], axis="x"))
    assert "no values" not in texts(figures.histogram([0.5], axis="x"))
    assert "no values" not in texts(figures.lines({"a": ([1], [2])}, x_axis="x", y_axis="y"))


FLOATS = st.floats(width=64) | st.floats(-10, 10) | st.integers(-5, 5).map(float)


ROWS = st.lists(st.tuples(st.text(min_size=1, max_size=40), FLOATS), min_size=1, max_size=5)


@given(st.sampled_from(list(KINDS)), ROWS)
@tries(30)
def test_fuzz_figures_of_any_numbers_and_names_are_drawn(kind, rows):
    names, numbers = map(list, zip(*rows, strict=True))
    plain = KINDS[kind]([f"n{number}" for number in range(len(names))], numbers)
    found = [
        sorted(element.tag for element in ElementTree.fromstring(svg).iter())
        for svg in (KINDS[kind](names, numbers), plain)
    ]
    without = [[tag for tag in tags if tag not in ("title", "g")] for tags in found]
    assert without[0] == without[1]  # a name that is cut has a title, in a group
    assert "nan" not in re.sub(r"<text.*?</text>", "", plain)


def test_hostile_names_stay_in_text_and_titles():
    for svg in drawn(HOSTILE, list(range(1, len(HOSTILE) + 1))).values():
        assert {element.tag for element in ElementTree.fromstring(svg).iter()} <= {
            *("svg", "g", "path", "text", "title", "defs", "use", "rect", "clipPath")
        }


def test_names_that_differ_in_the_middle_are_told_apart_beside_intervals():
    both = ["labels of all tasks (87)", "labels of some tasks (17)"]
    assert set(both) <= set(texts(figures.forest(both, [0.1, 0.2], [0, 0], [0.3, 0.3])))


@pytest.mark.parametrize("name", ["x" * 10_000, "a b " * 50, "mmm", "\u65e5\u672c\u8a9e" * 30])
def test_a_long_name_is_cut_in_few_steps_to_as_much_as_fits(name, monkeypatch):
    measured, width = [], page_names.width
    monkeypatch.setattr(page_names, "width", lambda *given: measured.append(given) or width(*given))
    for room in (0.0, 20.0, 100.0):
        cut = page_names.shortened(name, room, 10.0)
        assert cut == name or len(cut) <= 3 or width(cut, 10.0) <= room < width(name, 10.0)
    assert len(measured) < 60
