"""Whoever tries a model: by keyboard, by screen reader, on a telephone; and what cannot happen."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from mtc_keras.serve.page.rendering import page_html
from mtc_keras.tasks import Multiclass, Multilabel
from tests.pages.samples import HOSTILE
from tests.serve.tried import ADDRESS, TASKS, FakeServer, card, predict, tried

TEXT = "Two hours in the queue."
MANY = Multilabel(
    name="intents",
    classes=[f"a name of a class that says at length what it is about, {n}" for n in range(100)],
)


def check(page, where):
    """Fails if axe-core finds what a person could not use, or the page is wider than the screen."""
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == [], where
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], where


@pytest.mark.parametrize(
    ("width", "scheme"), [(320, "dark"), pytest.param(1280, "light", marks=pytest.mark.slow)]
)
def test_everything_can_be_used_by_everybody(browser, width, scheme):
    server = FakeServer(tasks=[*TASKS, MANY])
    with tried(browser, server, width, color_scheme=scheme, reduced_motion="reduce") as page:
        page.get_by_text("What it predicts").click()
        check(page, "what it predicts")
        ask = page.get_by_role("button", name="Predict")
        ask.click()
        check(page, "an objection")
        server.hold = "classify"
        page.locator("textarea").first.fill(TEXT)
        ask.click()
        page.wait_for_selector("#cancel:visible")
        check(page, "busy")
        server.hold = "explain"
        predict(page, TEXT)
        why = page.get_by_role("button", name="What drove mood")
        why.click()
        cancel = page.get_by_role("button", name="Cancel what drove mood")
        cancel.wait_for()
        check(page, "explaining")
        cancel.click()
        server.hold = ""
        why.click()
        page.locator(".explanation").wait_for()
        page.get_by_role("searchbox").fill("no such class")
        check(page, "one text")
        server.refuse = lambda action, _: (504, {"error": "slow"}, {})
        page.get_by_role("button", name="What drove topics").click()
        page.wait_for_selector(".drove .refusal")
        check(page, "no explanation")
        server.refuse = lambda *_: None
        page.get_by_label("One text per line").check()
        predict(page, "\n".join(["one", "", "=1", "x " * 249, *["x"] * 60]))
        page.get_by_role("button", name="Download as CSV").click()
        page.locator("#least").fill("1")
        page.get_by_role("button", name="Show line 4", exact=True).click()
        check(page, "lines")
        for status, shown in ((503, "#problem button"), (401, "#access")):
            server.refuse = lambda *_, status=status: (status, {"error": "no"}, {})
            ask.click()
            page.wait_for_selector(f"{shown}:visible")
            check(page, status)
    with tried(browser, FakeServer(text=["premise", "hypothesis"]), width) as page:
        page.get_by_label("One text per line").check()
        check(page, "pairs")


@pytest.mark.slow
@pytest.mark.parametrize("colours", [{"color_scheme": "dark"}, {"forced_colors": "active"}])
def test_large_letters_and_few_colours_leave_everything_within_the_page(browser, colours):
    server = FakeServer(tasks=[*TASKS, MANY])
    with tried(browser, server, 640, **colours) as page:
        page.evaluate("document.documentElement.style.fontSize = '32px'")
        predict(page, TEXT)
        page.get_by_role("button", name="What drove mood").click()
        page.locator(".explanation").wait_for()
        check(page, "large")


def test_the_keyboard_alone_is_enough(browser):
    with tried(browser, FakeServer()) as page:
        seen = []
        for _ in range(5):
            page.keyboard.press("Tab")
            seen.append(
                page.evaluate("document.activeElement.id || document.activeElement.className")
            )
            if seen[-1] == "field-text":
                page.keyboard.type(TEXT)
        assert [seen[0], *seen[3:]] == ["skip", "field-text", "predict"]
        page.keyboard.press("Enter")
        page.wait_for_selector("section.task")
        assert page.evaluate("document.activeElement.id") == "predict"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "least"
        page.keyboard.press("End")
        assert "left out" in card(page, "mood").inner_text()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.locator(".explanation").wait_for()
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"


def test_a_screen_reader_hears_what_is_drawn(browser):
    server = FakeServer()
    with tried(browser, server) as page:
        predict(page, TEXT)
        tree = card(page, "topics").aria_snapshot()
        [row] = server.classify({"texts": [TEXT], "columns": ["labels"]})["predictions"]
        heard = [line for line in tree.splitlines() if "listitem" in line]
        for name, threshold in server.decisions["topics"].thresholds.items():
            [line] = [line for line in heard if name in line]
            assert ("chosen: " in line) == (name in row["predicted_topics"])
            assert ", probability 0." in line and f", chosen from {threshold:.3f}" in line
        assert 'heading "topics any number of classes" [level=3]' in tree
        assert 'list "Classes of topics"' in tree and 'button "What drove topics"' in tree
        levels = page.eval_on_selector_all(
            "h1, h2, h3",
            "all => all.filter(head => head.checkVisibility()).map(head => head.tagName)",
        )
        assert levels == ["H1", "H2", *["H3"] * 4]


def test_names_and_texts_that_look_like_code_stay_text(browser):
    tasks = [
        Multiclass(name="place", classes=HOSTILE),
        Multilabel(name="tags", classes=[*HOSTILE, "__proto__", "constructor", "2", "1"]),
    ]
    with tried(browser, FakeServer(tasks=tasks)) as page:
        predict(page, "\n".join(HOSTILE[:-1]).replace("\ud800", ""))
        page.get_by_role("button", name="What drove place").click()
        page.locator(".explanation").wait_for()
        tags = card(page, "tags")
        tags.get_by_role("button", name="Show all 15 classes").click()
        shown = tags.locator(".name > bdi").all_inner_texts()
        assert {"<script>alert(1)</script>", "عربي جدا", r"a\x00b\x1bc\ud800\u202ed"} <= set(shown)
        assert "__proto__" in shown and "–" not in tags.locator(".value").all_inner_texts()
        page.get_by_label("One text per line").check()
        predict(page, "\n".join(HOSTILE[:-1]).replace("\ud800", ""))
        assert page.locator("tbody tr").count() == len(HOSTILE) - 1
        assert page.locator("script").count() == 1
        assert page.locator("img, iframe, object, embed, [onerror], main svg").count() == 0


def test_nothing_that_gets_in_runs_or_asks_anyone(browser):
    context = browser.new_context()
    context.route("**/*", FakeServer().handle)
    page = context.new_page()
    page.goto(ADDRESS)
    refused = page.evaluate(
        """async () => {
            const refused = [];
            document.addEventListener("securitypolicyviolation",
                event => refused.push(event.effectiveDirective));
            const script = document.createElement("script");
            script.textContent = "window.ran = 1";
            const style = document.createElement("style");
            style.textContent = "body { display: none }";
            document.body.append(script, style);
            document.body.insertAdjacentHTML("beforeend",
                '<a id="x" onclick="window.ran = 1">x</a><i style="color: red">x</i>'
                + '<img src="http://127.0.0.1:9/x.png">');
            document.getElementById("x").click();
            await fetch("http://127.0.0.1:9/").catch(() => {});
            await new Promise(resolve => setTimeout(resolve, 100));
            return [window.ran ?? null, refused.sort()];
        }"""
    )
    kinds = ["connect-src", "img-src", "script-src-attr", "script-src-elem"]
    assert refused == [None, [*kinds, "style-src-attr", "style-src-elem"]]
    context.close()


def test_a_copy_elsewhere_asks_the_server_that_it_was_written_for(browser, tmp_path):
    server = FakeServer()
    copy = page_html("tiny", "http://model.test/prefix/")
    origin = {"Access-Control-Allow-Origin": "http://copy.test"}
    asked = []

    def handle(route):
        asked.append(route.request.url)
        if route.request.url == "http://copy.test/":
            route.fulfill(body=copy, content_type="text/html")
        else:
            route.fulfill(json=server.describe(None), headers=origin)

    context = browser.new_context()
    context.route("**/*", handle)
    page = context.new_page()
    page.goto("http://copy.test/")
    page.wait_for_selector("textarea")
    assert asked == ["http://copy.test/", "http://model.test/prefix/v1/models/tiny/describe"]
    context.close()


def test_without_scripts_the_page_says_what_it_needs(browser):
    context = browser.new_context(java_script_enabled=False)
    context.route("**/*", FakeServer().handle)
    page = context.new_page()
    page.goto(ADDRESS)
    assert "scripts are off" in page.inner_text("main")
    context.close()
