"""The pages of a check and of a training in a browser: quiet, whole, and texts stay texts."""

import json
from pathlib import Path

import pytest

from mtc_keras import check_data, fit
from tests.browsing import check_report, opened
from tests.conftest import labelled, tiny_config

HOSTILE = "<script>alert(1)</script>"
CLASS = "<b>good</b>"
FOLDED = "document.querySelectorAll('details').forEach(details => { details.open = true; })"


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return tiny_config(
        tmp_path_factory.mktemp("pages") / "run",
        tasks={
            "mood": {"kind": "multiclass", "class_names": {"good": CLASS}},
            "grade": {"kind": "ordinal", "classes": ["0", "1", "2", "3"]},
        },
    )


@pytest.fixture(scope="module")
def splits():
    rows = {"train": labelled(96), "validation": labelled(40, 1), "test": labelled(40, 2)}
    for frame in rows.values():
        frame["text"] = [f"{text} {HOSTILE}" for text in frame["text"]]
    rows["test"].loc[0, "text"] = rows["train"].loc[0, "text"]  # a leak, which is shown
    return rows


@pytest.fixture(scope="module")
def checked(config, splits, tmp_path_factory):
    path = tmp_path_factory.mktemp("check") / "check.html"
    check_data(config, **splits).write(path)
    return path


@pytest.fixture(scope="module")
def reported(config, splits):
    """The page of a training; another test module's run would have other names and texts."""
    return Path(fit(config, **splits, verbose=0).directory) / "report.html"


def check_figures_and_tables(page) -> None:
    """Fails unless figures have words for who cannot see them, and tables have rows."""
    page.evaluate(FOLDED)
    drawn = page.locator(".drawn")
    assert drawn.count() >= 3
    assert all(drawn.nth(number).get_attribute("aria-label") for number in range(drawn.count()))
    assert page.locator("svg text", has_text="no values").count() == 0
    rows = "all => all.map(table => table.tBodies[0].rows.length)"
    assert all(page.eval_on_selector_all("table", rows))


def test_a_check_can_be_looked_at(browser, checked):
    check_report(browser, checked)
    with opened(browser, checked) as page:
        check_figures_and_tables(page)
        assert page.locator("svg text", has_text=CLASS).count() >= 1
        assert page.locator("blockquote, td, dd", has_text=HOSTILE).count() >= 1
    anchors = json.loads(checked.with_suffix(".json").read_text()).keys()
    assert {"problems", "classes", "lengths"} <= set(anchors)


def test_a_report_can_be_looked_at(browser, reported):
    check_report(browser, reported)
    with opened(browser, reported) as page:
        check_figures_and_tables(page)
        assert HOSTILE not in page.inner_html("body")
    assert {"summary", "learning"} <= json.loads(reported.with_suffix(".json").read_text()).keys()
