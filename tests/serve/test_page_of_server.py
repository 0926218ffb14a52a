"""The page of a server over a socket: its own page, and a copy of it elsewhere."""

import http.server
import threading

import pytest

from mtc_keras.serve.http.app import create_app
from mtc_keras.serve.page.rendering import page_html
from tests.serve.asking import listening
from tests.serve.fakes import NAME, FakeEngine
from tests.serve.tried import card, predict

TEXT = "Two hours in the queue."


@pytest.fixture
def heard(browser):
    """A browser's page, and what it says."""
    context = browser.new_context()
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page, said
    context.close()


def test_the_servers_page_shows_its_answers_and_what_drove_them(heard):
    page, said = heard
    engine = FakeEngine()
    with listening(create_app(engine)) as address:
        page.goto(f"http://{address}/")
        page.wait_for_selector("#predict:visible")
        predict(page, TEXT)
        known = engine.probabilities(([TEXT],))["mood"][0].max()
        assert f"right with probability {known:.3f}" in card(page, "mood").inner_text()
        page.get_by_role("button", name="What drove topics").click()
        page.locator(".explanation").wait_for()
        page.get_by_label("One text per line").check()
        predict(page, "\n".join(f"line {number}" for number in range(100)))
        assert "100 lines predicted" in page.inner_text("#status")
    assert said == []


@pytest.mark.slow
def test_the_page_is_open_and_its_questions_need_the_token(heard):
    page, _ = heard
    with listening(create_app(FakeEngine(pairs=True), tokens=["s3cret"])) as address:
        page.goto(f"http://{address}/")
        page.get_by_label("Access token").fill("s3cret")
        page.get_by_role("button", name="Use it").click()
        page.get_by_label("answer").fill("Yes.")
        predict(page, TEXT)
        assert page.locator("section.task").count() == 4


@pytest.mark.slow
def test_a_copy_elsewhere_may_ask_a_server_that_allows_it(heard):
    page, said = heard

    class Copy(http.server.BaseHTTPRequestHandler):
        html = ""

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(self.html.encode())

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Copy) as elsewhere:
        origin = f"http://127.0.0.1:{elsewhere.server_port}"
        threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
        with listening(create_app(FakeEngine(), cors=[origin], tokens=["s3cret"])) as address:
            Copy.html = page_html(NAME, f"http://{address}/")
            page.goto(origin)
            page.get_by_label("Access token").fill("s3cret")
            page.get_by_role("button", name="Use it").click()
            predict(page, TEXT)
            assert page.locator("section.task").count() == 4
        elsewhere.shutdown()
    assert [text for text in said if "401" not in text] == []
