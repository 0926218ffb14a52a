"""What a browser makes of a page: it is quiet, whole, readable everywhere, and runs no more."""

import pytest

from mtc_keras.pages import Column, Page, Part, Section, Table, write_page
from mtc_keras.pages.names import seen
from tests.browsing import check_report, opened
from tests.pages.samples import HOSTILE, every_block


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / "report.html"
    write_page(every_block(), path)
    return path


@pytest.fixture(scope="module")
def sortable(tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / "table.html"
    rows = [["b", 10, 0.5], ["a10", 9, None], ["a9", None, -0.25], ["c", 100, 1e-9]]
    table = Table([Column("name"), Column("rows", "count"), Column("F1", "score")], rows, shown=3)
    write_page(Page("Table", [], [Part(Section("Table", [table]))]), path)
    return path


def test_every_figure_is_there_and_nothing_overflows(browser, hostile):
    check_report(browser, hostile)


def test_texts_that_look_like_code_are_read_as_they_are(browser, hostile):
    with opened(browser, hostile) as page:
        text = page.inner_text("body")
        for name in HOSTILE:
            assert " ".join(seen(name).split()) in " ".join(text.split())
        assert "49" not in page.inner_text("main p.text >> nth=3")
        drawn = page.eval_on_selector_all("svg text", "all => all.map(text => text.textContent)")
        assert {"<script>alert(1)</script>", "عربي جدا"} <= set(drawn)
        assert page.eval_on_selector_all("script", "all => all.length") == 1
        assert page.eval_on_selector_all("img, iframe, object, embed", "all => all.length") == 0


def test_no_other_script_runs_even_if_one_got_in(browser, hostile):
    context = browser.new_context()
    page = context.new_page()
    page.goto(hostile.as_uri())
    refused = page.evaluate(
        """async () => {
            const refused = [];
            document.addEventListener("securitypolicyviolation",
                event => refused.push(event.effectiveDirective));
            const script = document.createElement("script");
            script.textContent = "window.ran = 1";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend",
                '<a id="x" onclick="window.ran = 1">x</a><img src="http://127.0.0.1:9/x.png">');
            document.getElementById("x").click();
            await new Promise(resolve => setTimeout(resolve, 100));
            return [window.ran ?? null, refused.sort()];
        }"""
    )
    assert refused == [None, ["img-src", "script-src-attr", "script-src-elem"]]
    context.close()


def column(page, number):
    return page.eval_on_selector_all(
        "tbody tr", f"all => all.map(row => row.cells[{number}].textContent)"
    )


def test_a_click_sorts_by_numbers_and_names_and_a_third_one_gives_the_order_back(browser, sortable):
    with opened(browser, sortable) as page:
        name, rows = page.locator("thead th button").nth(0), page.locator("thead th button").nth(1)
        rows.click()
        assert column(page, 1) == ["100", "10", "9", "–"]
        rows.click()
        assert column(page, 1) == ["9", "10", "100", "–"]  # what is missing stays last
        heads = "all => all.map(head => head.ariaSort)"
        assert page.eval_on_selector_all("thead th", heads) == [None, "ascending", None]
        rows.click()
        assert column(page, 0) == ["b", "a10", "a9", "c"]
        name.focus()
        page.keyboard.press("Enter")
        assert column(page, 0) == ["a9", "a10", "b", "c"]
        assert page.eval_on_selector_all("thead th", heads) == ["ascending", None, None]


def test_a_long_table_shows_its_first_rows_until_asked_and_all_on_paper(browser, sortable):
    with opened(browser, sortable) as page:
        rows = page.locator("tbody tr:visible")
        assert rows.count() == 3
        page.get_by_role("button", name="F1").click()
        assert rows.count() == 3 and column(page, 0)[0] == "b"
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert rows.count() == 4
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        page.emulate_media(media="screen")
        assert rows.count() == 3
        page.get_by_role("button", name="Show all 4 rows").click()
        assert rows.count() == 4


def test_all_can_be_read_without_the_script(browser, sortable):
    with opened(browser, sortable, java_script_enabled=False) as page:
        assert page.locator("tbody tr:visible").count() == 4


def test_paper_is_white_and_shows_what_is_folded(browser, hostile):
    with opened(browser, hostile, color_scheme="dark") as page:
        page.emulate_media(media="print", color_scheme="dark")
        white = "getComputedStyle(document.body).backgroundColor === 'rgb(255, 255, 255)'"
        assert page.evaluate(white)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details:not([open])").count() == 0
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("details[open]").count() == 0
        assert page.pdf().startswith(b"%PDF")


def test_contents_lead_to_sections_and_all_can_be_reached_by_keyboard(browser, hostile):
    with opened(browser, hostile) as page:
        targets = page.eval_on_selector_all("nav a", "all => all.map(a => a.hash.slice(1))")
        assert len(targets) == len(set(targets)) >= 3
        found = page.evaluate("ids => ids.map(id => !!document.getElementById(id))", targets)
        assert all(found)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        ids = page.eval_on_selector_all("[id]", "all => all.map(element => element.id)")
        assert len(ids) == len(set(ids))
        unnamed = page.locator("[role=img]:not([aria-label]), th:not([scope])")
        assert unnamed.count() == 0
