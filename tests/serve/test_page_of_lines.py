"""What a person sees of a model's answers to several texts, in a browser."""

import csv
import io
import json

import numpy as np

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


def test_lines_become_a_table_in_order_by_requests_within_the_limits(browser):
    server = FakeServer()
    with tried(browser, server) as page:
        give_lines(page, "\n".join([LINES[0], "", "  ", *LINES[1:], ""]))
        rows = server.classify({"texts": LINES, "columns": COLUMNS})["predictions"]
        moods = [f"{row['predicted_mood']} {row['mood_confidence']:.3f}" for row in rows]
        assert cells(page, 2) == moods
        texts = cells(page, 1)
        assert texts[:3] == LINES[:3] and texts[3] == "😀" * 300 + "…"
        topics = cells(page, 3)[0]
        assert (
            topics == f"{', '.join(rows[0]['predicted_topics'])} {rows[0]['topics_confidence']:.3f}"
        )
        sent = [question["texts"] for action, question in server.asked if action == "classify"]
        assert [text for texts in sent for text in texts] == LINES
        assert max(map(len, sent)) <= LIMITS.max_texts
        assert all(len(json.dumps(texts, ensure_ascii=False).encode()) < 4096 for texts in sent)
        assert page.inner_text("#status") == "24 lines predicted. 2 lines without a text left out."


def test_the_share_of_abstentions_follows_the_slider(browser):
    server = FakeServer()
    with tried(browser, server) as page:
        give_lines(page, "\n".join(LINES))
        rows = server.classify({"texts": LINES, "columns": COLUMNS})["predictions"]
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


def test_a_line_opens_as_one_text_does(browser):
    server = FakeServer()
    with tried(browser, server) as page:
        give_lines(page, "\n".join(LINES))
        for line in (2, 3):
            page.get_by_role("button", name=f"Show line {line}", exact=True).click()
            assert page.evaluate("document.activeElement.textContent") == f"Line {line}"
            assert page.locator("section.task").count() == 4
        card(page, "mood").get_by_role("button", name="What drove mood").click()
        page.locator(".explanation").wait_for()
        assert server.asked[-1][1]["text"] == LINES[2]
        page.locator("#least").fill("1")
        assert "left out" in card(page, "mood").locator(".decision").inner_text()


def test_the_csv_holds_what_predict_writes(browser):
    server = FakeServer(name="my model/v1", text=["question", "answer"])
    server.name = "my_model"
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


def test_the_csv_has_no_label_where_it_is_left_out(browser):
    with tried(browser, FakeServer()) as page:
        give_lines(page, "\n".join(LINES))
        page.locator("#least").fill("1")
        _, text = downloaded(page)
        for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")):
            assert row["predicted_mood"] == row["predicted_topics"] == ""
            assert row["mood_abstained"] == "true" and row["predicted_waiting"] != ""


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


def test_pairs_need_as_many_lines_in_both_boxes(browser):
    server = FakeServer(text=["premise", "hypothesis"])
    with tried(browser, server) as page:
        page.get_by_label("One text per line").check()
        page.locator("textarea").nth(0).fill("a\nb\nc")
        page.locator("textarea").nth(1).fill("a\nb\n")
        page.get_by_role("button", name="Predict").click()
        told = page.inner_text("#problem")
        assert "“premise” has 3 lines, “hypothesis” has 2 lines" in told
        assert [action for action, _ in server.asked] == ["describe"]


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


def test_a_long_table_shows_its_first_rows_until_asked(browser):
    with tried(browser, FakeServer()) as page:
        give_lines(page, "\n".join(f"line {number}" for number in range(60)))
        assert page.locator("tbody tr").count() == 50
        page.get_by_role("button", name="Show all 60 rows").click()
        assert page.locator("tbody tr").count() == 60
