"""What helps a person at the page: lines by their numbers, ways out, and nothing that is lost."""

import numpy as np
import pytest

from mtc_keras.tasks import Multiclass, Multilabel
from tests.serve.tried import ADDRESS, FakeServer, card, predict, tried

TEXT = "Two hours in the queue."


def told(page):
    page.wait_for_selector("#problem > p")
    return page.inner_text("#problem > p")


def ask(page, text):
    page.locator("textarea").first.fill(text)
    page.get_by_role("button", name="Predict").click()


def focused(page):
    return page.evaluate("document.activeElement.id || document.activeElement.textContent")


def test_lines_are_told_by_their_numbers_in_the_box(browser):
    server = FakeServer(text=["premise", "hypothesis"])
    with tried(browser, server) as page:
        page.get_by_label("One text per line").check()
        page.locator("textarea").nth(1).fill("a\n\nb\n\nc")
        predict(page, "a\n\nb\n\nc")
        assert page.locator("tbody th").all_inner_texts() == ["1", "3", "5"]
        page.get_by_role("button", name="Show line 5").click()
        assert focused(page) == "Line 5"
        page.get_by_role("button", name="Back to the table").click()
        assert focused(page) == "5"
        for said, shown in (
            ("texts[1] holds NUL", "line 3 holds NUL."),
            ("texts[2].text_pair holds NUL", "line 5, “hypothesis”, holds NUL."),
            ("one of them is too long", "one of them is too long (lines 1 to 5)."),
        ):
            server.refuse = lambda action, _, said=said: (422, {"error": said}, {})
            ask(page, "a\n\nb\n\nc")
            assert shown in told(page)
            page.evaluate("document.getElementById('problem').replaceChildren()")
        page.locator("textarea").nth(1).fill("a\n\nc")
        ask(page, "a\n\n" + "x" * 501)
        assert "Line 3 has more than the 500 characters" in told(page)


def test_what_it_predicts_is_told_before_a_text_is_asked_about(browser):
    with tried(browser, FakeServer()) as page:
        page.get_by_text("What it predicts").click()
        names = page.locator("#tasks dt").all_inner_texts()
        assert names[0] == "mood one class" and names[3] == "waiting a number"
        classes = page.locator("#tasks dd")
        shown = classes.nth(0).locator("li").all_inner_texts()
        assert shown == ["negative S1", "neutral S2", "positive S3"]
        assert classes.nth(1).locator("li").all_inner_texts() == ["bus", "fee", "form", "queue"]
        mean = "in training 30 on average, with a standard deviation of 10"
        assert classes.nth(3).inner_text() == mean


def test_one_text_that_is_too_long_is_not_sent(browser):
    server = FakeServer()
    with tried(browser, server) as page:
        predict(page, TEXT)
        ask(page, "x" * 501)
        assert told(page) == "This text has more than the 500 characters that the server takes."
        assert page.inner_text("#status") == ""  # what it said was of something else
        assert [action for action, _ in server.asked] == ["describe", "classify"]


@pytest.mark.parametrize("way", ["button", "key"])
def test_an_explanation_can_be_cancelled(browser, way):
    server = FakeServer(hold="explain")
    with tried(browser, server) as page:
        predict(page, TEXT)
        mood = card(page, "mood")
        mood.get_by_role("button", name="What drove mood").click()
        cancel = mood.get_by_role("button", name="Cancel what drove mood")
        cancel.wait_for()
        if way == "button":
            page.keyboard.press("Enter")
        else:
            page.keyboard.press("Escape")
        mood.get_by_text("Cancelled.").wait_for()
        assert cancel.count() == 0 and focused(page) == "What drove it"
        server.hold = ""
        page.keyboard.press("Enter")
        mood.locator(".explanation").wait_for()


def test_a_token_is_asked_for_where_an_explanation_needs_one(browser):
    server = FakeServer()
    with tried(browser, server) as page:
        predict(page, TEXT)
        server.refuse = lambda *_: (
            None if server.tokens[-1] == "Bearer new" else (401, {"error": "no"}, {})
        )
        page.get_by_role("button", name="What drove mood").click()
        page.wait_for_selector("#access:visible")
        assert focused(page) == "token"
        page.keyboard.type("new")
        page.keyboard.press("Enter")
        assert page.locator("section.task").count() == 4  # nothing that was shown is lost
        page.get_by_role("button", name="What drove mood").click()
        page.locator(".explanation").wait_for()


def test_trying_again_keeps_the_keyboards_place(browser):
    server = FakeServer()
    with tried(browser, server) as page:
        for status in (502, 503):
            server.refuse = lambda *_, status=status: (status, {"error": ""}, {})
            ask(page, TEXT)
            page.get_by_role("button", name="Try again").focus()
            page.keyboard.press("Enter")
            page.wait_for_selector("#problem > p")
            page.wait_for_selector("#predict:focus")
        server.refuse = lambda action, _: (503, {"error": ""}, {}) if action == "describe" else None
        page.reload()
        for _ in range(2):
            page.get_by_role("button", name="Try again").focus()
            page.keyboard.press("Enter")
            page.wait_for_selector("#problem button:focus")


def test_what_was_typed_is_there_when_the_page_is_gone_back_to(browser):
    with tried(browser, FakeServer()) as page:
        page.get_by_label("One text per line").check()
        predict(page, "one\ntwo")
        page.goto(f"{ADDRESS}#elsewhere")
        page.goto("about:blank")
        page.go_back()
        page.wait_for_selector("#predict:visible")
        assert page.get_by_label("text, one per line").input_value() == "one\ntwo"
        predict(page, "one\ntwo\nthree")
        assert page.locator("tbody tr").count() == 3


def test_the_slider_changes_only_the_cells_that_it_decides(browser):
    server = FakeServer()
    with tried(browser, server) as page:
        page.get_by_label("One text per line").check()
        texts = ["x" * number for number in range(1, 41)]
        predict(page, "\n".join(texts))
        rows = server.classify({"texts": texts, "columns": ["confidence"]})["predictions"]
        sure = np.array([row["mood_confidence"] for row in rows], "float32")
        change = """least => {
            const slider = document.getElementById("least");
            const changed = new Set();
            const watch = new MutationObserver(all => all.forEach(one => changed.add(one.target)));
            watch.observe(document.querySelector("tbody"), { childList: true, subtree: true });
            slider.value = least;
            slider.dispatchEvent(new Event("input"));
            watch.takeRecords().forEach(one => changed.add(one.target));
            const column = [...document.querySelectorAll("tbody tr")].map(row => row.cells[2]);
            return column.filter(cell => changed.has(cell)).length;
        }"""
        assert "mood 0 of 40 (0 %) topics 0 of" in page.inner_text("#abstained")
        for before, after in ((0.0, 0.5), (0.5, 0.55), (0.55, 0.55)):
            low, high = np.float32(before), np.float32(after)
            assert page.evaluate(change, after) == ((sure >= low) & (sure < high)).sum()


def test_long_answers_are_told_in_a_line(browser):
    long = [
        f"{number} {'a name that says at length what it is about ' * 3}" for number in range(20)
    ]
    tasks = [Multilabel(name="reasons", classes=long)]
    tasks += [Multiclass(name=f"task_{n}", classes=["عربي جدا", "b"]) for n in range(20)]
    with tried(browser, FakeServer(tasks=tasks)) as page:
        predict(page, TEXT)
        said = page.inner_text("#status")
        assert said.startswith("reasons: ") and said.endswith("; and 11 tasks more")
        assert "…" in said and len(said) < 500
        # Names of another direction turn nothing that stands around them.
        assert page.locator("#status bdi").count() >= 20
        assert len(card(page, "reasons").locator(".decision").inner_text()) < 260
