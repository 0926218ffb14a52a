"""Pages in a headless Chromium: nothing that they load, say or fail at goes unseen."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
QUIET += ["--disable-component-update", "--no-first-run"]


def chromium() -> str:
    """Returns the browser's path; without one a test is skipped, but fails where CI is set."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("these tests need Chromium: apt-get install chromium")
    return found or pytest.skip("no Chromium: apt-get install chromium")


@contextlib.contextmanager
def started() -> Iterator:
    """Starts a browser, and ends it: within, the process can run no event loop of its own."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser, path: Path, width: int = 1280, **options) -> Iterator:
    """Opens a page, and fails if it says something, asks for another file or has an error."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (heard.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: heard.append(f"request: {request.url}"))
    page.goto(path.as_uri())
    yield page
    assert heard == [f"request: {path.as_uri()}"]
    context.close()


def check_report(browser, path: Path) -> None:
    """Fails unless a page has all its figures, fits a telephone, and is dark where asked."""
    colours = set()
    for width, scheme in ((1440, "light"), (1440, "dark"), (360, "light")):
        with opened(browser, path, width, color_scheme=scheme) as page:
            boxes = page.eval_on_selector_all(
                "svg", "all => all.map(svg => svg.getBoundingClientRect().toJSON())"
            )
            folded = page.eval_on_selector_all("details svg", "all => all.length")
            seen = [box for box in boxes if box["width"] > 100 and box["height"] > 30]
            assert len(seen) >= len(boxes) - folded
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2
