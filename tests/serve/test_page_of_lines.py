"""What a person sees of a model's answers to several texts, in a browser."""

import csv
import io
import json

import numpy as np
import pytest

from mtc_keras.tasks import Multiclass, Multilabel
from tests.serve.tried import LIMITS, FakeServer, card, predict, tried

LINES = [
    "Kind clerk, long queue.",
    'He said "no", twice',
    "مرحبا بكم في المكتب",
    "😀" * 400,
    *(f"line {number}" for number in range(10, 30)),
]
COLUMNS = ["labels", "confidence", "probabilities"]


def cells(page, column):
    return page.eval_on_selector_all(
        "tbody tr", f"all => all.map(row => row.cells[{column}].textContent)"
    )


def give_lines(page, text):
    page.get_by_label("One text per line").check()
    predict(page, text)


def downloaded(page):
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    return download.value.suggested_filename, download.value.path().read_bytes().decode("utf-8")


@pytest.fixture(scope="module")
def table(browser):
    """A page with a table of all lines, whose slider a test may move, and its server."""
    server = FakeServer()
    with tried(browser, server) as page:
        give_lines(page, "\n".join([LINES[0], "", "  ", *LINES[1:], ""]))
        yield page, server


@pytest.fixture(scope="module")
def rows():
    """What is predicted of the lines."""
    return FakeServer().classify({"texts": LINES, "columns": COLUMNS})["predictions"]


def test_lines_become_a_table_in_order_by_requests_within_the_limits(table, rows):
    page, server = table
    page.locator("#least").fill("0")
    moods = [f"{row['predicted_mood']} {row['mood_confidence']:.3f}" for row in rows]
    assert cells(page, 2) == moods
    texts = cells(page, 1)
    assert texts[:3] == LINES[:3] and texts[3] == "😀" * 300 + "…"
    topics = f"{', '.join(rows[0]['predicted_topics'])} {rows[0]['topics_confidence']:.3f}"
    assert cells(page, 3)[0] == topics
    sent = [question["texts"] for action, question in server.asked if action == "classify"]
    assert [text for texts in sent for text in texts] == LINES
    assert max(map(len, sent)) <= LIMITS.max_texts
    assert all(len(json.dumps(texts, ensure_ascii=False).encode()) < 4096 for texts in sent)
    assert page.inner_text("#status") == "24 lines predicted. 2 lines without a text left out."


def test_the_share_of_abstentions_follows_the_slider(table, rows):
    page, _ = table
    for least in (0.0, 0.35, 0.8, 1.0):
        page.locator("#least").fill(str(least))
        for task in ("mood", "topics", "stars"):
            sure = np.array([row[f"{task}_confidence"] for row in rows], "float32")
            count = int((sure < np.float32(least)).sum())
            told = f"{task} {count} of 24 ({100 * count / 24:.0f} %)"
            assert told in page.inner_text("#abstained"), least
        left = [cell.startswith("left out") for cell in cells(page, 2)]
        mood = np.array([row["mood_confidence"] for row in rows], "float32")
        assert left == (mood < np.float32(least)).tolist()


def test_a_line_opens_as_one_text_does(table):
    page, server = table
    page.locator("#least").fill("0")
    # Two lines without a text stand between the first and the second with one.
    for line in (4, 5):
        page.get_by_role("button", name=f"Show line {line}", exact=True).click()
        assert page.evaluate("document.activeElement.textContent") == f"Line {line}"
        assert page.locator("section.task").count() == 4
    card(page, "mood").get_by_role("button", name="What drove mood").click()
    page.locator(".explanation").wait_for()
    assert server.asked[-1][1]["text"] == LINES[2]
    page.locator("#least").fill("1")
    assert "left out" in card(page, "mood").locator(".decision").inner_text()


def test_the_csv_has_no_label_where_it_is_left_out(table):
    page, _ = table
    page.locator("#least").fill("1")
    _, text = downloaded(page)
    for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")):
        assert row["predicted_mood"] == row["predicted_topics"] == ""
        assert row["mood_abstained"] == "true" and row["predicted_waiting"] != ""


def test_the_csv_holds_what_predict_writes(browser):
    server = FakeServer(name="my_model", text=["question", "answer"])
    with tried(browser, server) as page:
        page.get_by_label("One text per line").check()
        page.locator("textarea").nth(1).fill("\n".join(reversed(LINES)))
        predict(page, "\n".join(LINES))
        name, text = downloaded(page)
        assert name == "my_model.csv" and text.startswith("\ufeff")
        read = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
        assert text.count("\r\n") == len(LINES) + 1
        texts = [list(pair) for pair in zip(LINES, reversed(LINES), strict=True)]
        rows = server.classify({"texts": texts, "columns": COLUMNS})["predictions"]
        for found, row, pair in zip(read, rows, texts, strict=True):
            assert [found.pop("question"), found.pop("answer")] == pair
            assert found.keys() == row.keys()
            assert found["predicted_mood"] == row["predicted_mood"]
            assert found["predicted_topics"] == "|".join(row["predicted_topics"])
            assert float(found["predicted_waiting"]) == row["predicted_waiting"]
            assert float(found["mood_confidence"]) == row["mood_confidence"]
            assert json.loads(found["topics_probabilities"]) == row["topics_probabilities"]


def test_no_cell_of_the_csv_is_a_formula(browser):
    attacks = [
        "=1+1",
        "+1",
        "-1",
        "@x",
        " =1",
        "＝1",
        "\t=1",
        'a;=cmd("x")',
        'x"\t+1',
        "harmless - 1",
    ]
    names = ["=HYPERLINK()", "b|c"]
    tasks = [Multiclass(name="kind", classes=names), Multilabel(name="tags", classes=names)]
    with tried(browser, FakeServer(tasks=tasks)) as page:
        give_lines(page, "\n".join(attacks))
        _, text = downloaded(page)
        reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
        found = [cell for row in reader for cell in row]
        # However a spreadsheet divides the cells, at commas or at semicolons.
        parts = [part for cell in found for part in cell.replace("\t", ";").split(";")]
        assert not [part for part in parts if part.strip()[:1] in set("=+-@＝")]
        assert "'=1+1" in found and 'a;\'=cmd("x")' in found and "harmless - 1" in found
        assert '["=HYPERLINK()"]' in found or '["b|c"]' in found  # a class holds the separator
        count = sum("'" in cell for cell in found)
        assert f"In {count} cells an apostrophe" in page.inner_text("#table [role=status]")


def test_what_cannot_be_asked_is_told_with_its_line(browser):
    server = FakeServer(text=["premise", "hypothesis"])
    with tried(browser, server) as page:
        page.get_by_label("One text per line").check()
        first, second = page.locator("textarea").nth(0), page.locator("textarea").nth(1)
        for one, other, told in (
            ("a\nb\nc", "a\nb\n", "“premise” has 3 lines, “hypothesis” has 2 lines"),
            ("", "", "Type some lines first."),
            ("a\nb", "a\n" + "b" * 501, "Line 2 has more than the 500 characters"),
            ("x\n" * 1_001, "x\n" * 1_001, "1,001 lines are more than the 1,000"),
        ):
            for box, text in ((first, one), (second, other)):
                box.evaluate("(box, text) => { box.value = text; }", text)
            page.get_by_role("button", name="Predict").click()
            assert told in page.inner_text("#problem")
        assert [action for action, _ in server.asked] == ["describe"]
        server.refuse = lambda action, question: (
            (422, {"error": "texts[0] holds NUL"}, {})
            if action == "classify" and ["9", "9"] in question["texts"]
            else None
        )
        first.fill("\n".join(map(str, range(1, 13))))
        second.fill("\n".join(map(str, range(1, 13))))
        page.get_by_role("button", name="Predict").click()
        page.wait_for_selector("#problem > p")
        assert "line 9 holds NUL." in page.inner_text("#problem")


def test_a_version_that_comes_between_is_asked_for_all_lines(browser):
    server = FakeServer()

    def refuse(action, question):
        if action == "classify" and "line 8" in question["texts"] and server.version == 3:
            server.version, server.tasks = 4, server.tasks[:2]
        return None

    server.refuse = refuse
    with tried(browser, server) as page:
        give_lines(page, "\n".join(f"line {number}" for number in range(20)))
        assert page.inner_text("#facts").split("\n")[1] == "4"
        assert page.locator("thead th").all_inner_texts() == ["line", "text", "mood", "topics"]
        assert page.locator("tbody tr").count() == 20
        sent = [question["texts"] for action, question in server.asked if action == "classify"]
        assert sum("line 0" in texts for texts in sent) == 2


@pytest.mark.slow
def test_a_busy_server_is_asked_again_for_lines_when_it_says(browser):
    server = FakeServer()
    busy = iter([True, False, True, False])

    def refuse(action, question):
        if action == "classify" and next(busy, False):
            return 429, {"error": "4096 texts wait"}, {"Retry-After": "0"}
        return None

    server.refuse = refuse
    with tried(browser, server) as page:
        give_lines(page, "\n".join(f"line {number}" for number in range(10)))
        assert page.locator("tbody tr").count() == 10
        assert len(server.asked) == 1 + 4


@pytest.mark.slow
def test_a_long_table_shows_its_first_rows_until_asked(browser):
    server = FakeServer()
    with tried(browser, server) as page:
        give_lines(page, "\n".join(f"line {number}" for number in range(60)))
        assert page.locator("tbody tr").count() == 50
        page.get_by_role("button", name="Show all 60 rows").click()
        assert page.locator("tbody tr").count() == 60
        page.get_by_role("button", name="Show 50 rows").click()
        assert page.locator("tbody tr").count() == 50
