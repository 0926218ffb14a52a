"""What a person is told when a server refuses, does not answer, or asks for a token."""

import pytest

from tests.serve.tried import ADDRESS, FakeServer, predict, tried

TEXT = "Two hours in the queue."


def refusing(status, answer, headers=None, action="classify"):
    def refuse(asked, question):
        return (status, answer, headers or {}) if asked == action else None

    return refuse


def ask(page, text=TEXT):
    page.locator("textarea").first.fill(text)
    page.get_by_role("button", name="Predict").click()
    page.wait_for_selector("#problem > p")
    return page.inner_text("#problem")


MEANINGS = {
    400: "cannot read this",
    413: "more than the server takes at once",
    422: "cannot take this text",
    500: "failed at this text",
    503: "not ready",
    504: "longer than the server allows",
}


def test_a_refusal_says_what_it_means_and_what_the_server_says(browser):
    server = FakeServer()
    refused = "texts[0] has 9 characters, <b>and at most 8</b> are taken"
    told = refused.replace("texts[0]", "the text")
    with tried(browser, server) as page:
        for status, said in MEANINGS.items():
            server.refuse = refusing(status, {"error": refused})
            problem = ask(page)
            assert said in problem and told in problem
            assert page.get_by_role("alert").inner_text() == problem
            assert page.locator("#cancel").is_hidden() and page.locator("#answers").is_hidden()
            again = page.get_by_role("button", name="Try again")
            assert again.count() == (status in (503, 504))
            server.refuse = lambda *_: None
            if status in (503, 504):
                again.click()
                page.wait_for_selector("#problem:empty", state="attached")
            predict(page, TEXT)
            assert page.inner_text("#problem") == ""


@pytest.mark.slow
def test_a_server_with_too_much_to_do_says_when_to_come_back(browser):
    busy = refusing(429, {"error": "4096 texts wait"}, {"Retry-After": "7"})
    with tried(browser, FakeServer(refuse=busy)) as page:
        problem = ask(page)
        assert "Try again in 7 seconds." in problem and "4096 texts wait" in problem


@pytest.mark.slow
def test_an_answer_of_something_between_is_told_by_its_status(browser):
    server = FakeServer()
    with tried(browser, server) as page:
        for answer in ("<html>Bad gateway</html>", [], {"error": {"no": "text"}}):
            server.refuse = refusing(502, answer)
            assert "status 502" in ask(page)


@pytest.mark.slow
def test_no_answer_at_all_is_told(browser):
    with tried(browser, FakeServer()) as page:
        page.context.unroute_all()
        page.context.route("**/*", lambda route: route.abort())
        assert "does not answer" in ask(page)
        assert page.get_by_role("button", name="Try again").is_visible()


@pytest.mark.slow
def test_an_explanation_that_is_refused_is_told_where_it_was_asked_for(browser):
    server = FakeServer(refuse=refusing(504, {"error": "30 seconds"}, action="explain"))
    with tried(browser, server) as page:
        predict(page, TEXT)
        page.get_by_role("button", name="What drove topics").click()
        page.wait_for_selector(".drove .refusal")
        assert "longer than the server allows" in page.inner_text(".drove .refusal")
        assert page.inner_text("#problem") == ""


def test_a_model_that_still_loads_can_be_waited_for(browser):
    server = FakeServer(refuse=refusing(503, {"error": "it is loading"}, action="describe"))
    with tried(browser, server) as page:
        assert "not ready" in page.inner_text("#problem")
        assert page.locator("textarea:visible").count() == 0
        server.refuse = lambda *_: None
        page.get_by_role("button", name="Try again").click()
        predict(page, TEXT)


@pytest.mark.parametrize("way", ["button", "key"])
def test_what_takes_long_is_told_and_can_be_cancelled(browser, way):
    server = FakeServer(hold="classify")
    with tried(browser, server) as page:
        page.locator("textarea").first.fill(TEXT)
        page.get_by_role("button", name="Predict").click()
        cancel = page.get_by_role("button", name="Cancel")
        cancel.wait_for()
        assert page.get_by_role("progressbar").is_visible()
        assert page.inner_text("#status") == "Asking …"
        if way == "button":
            cancel.focus()
            page.keyboard.press("Enter")
            assert page.evaluate("document.activeElement.id") == "predict"  # it is not lost
        else:
            page.keyboard.press("Escape")
        page.wait_for_selector("#status:text('Cancelled.')")
        assert cancel.is_hidden() and page.get_by_role("progressbar").count() == 0
        server.hold = ""
        predict(page, TEXT)
        assert page.locator("section.task").count() == 4


def test_the_answer_to_an_earlier_question_is_never_shown(browser):
    server = FakeServer(hold="classify")
    with tried(browser, server) as page:
        page.locator("textarea").first.fill("a first text")
        page.get_by_role("button", name="Predict").click()
        page.wait_for_selector("#cancel:visible")
        server.hold = ""
        predict(page, TEXT)
        status = page.inner_text("#status")
        assert status.endswith(f"waiting: {len(TEXT)}") and len(server.held) == 1


def test_a_token_is_asked_for_sent_and_kept_in_memory_alone(browser):
    server = FakeServer()

    def refuse(action, question):
        known = server.tokens[-1] == "Bearer s3cret"
        return None if known else (401, {"error": "a valid bearer token is needed"}, {})

    server.refuse = refuse
    with tried(browser, server) as page:
        field = page.get_by_label("Access token")
        assert page.evaluate("document.activeElement.id") == "token"
        assert field.get_attribute("type") == "password"
        for wrong, told in (("two words", "no blanks"), ("wrong", "does not know this token")):
            field.fill(wrong)
            page.keyboard.press("Enter")
            page.wait_for_selector(f"#problem:has-text('{told}')")
        field.fill("s3cret")
        page.keyboard.press("Enter")
        predict(page, TEXT)
        assert page.locator("#access").is_hidden() and server.tokens[-1] == "Bearer s3cret"
        kept = "[localStorage.length, sessionStorage.length, document.cookie, location.href]"
        assert page.evaluate(kept) == [0, 0, "", ADDRESS]
        assert "s3cret" not in page.content() and field.input_value() == ""
        page.reload()
        page.wait_for_selector("#access:visible")


@pytest.mark.slow
def test_a_token_that_is_no_longer_known_is_asked_for_and_the_text_stays(browser):
    server = FakeServer()
    with tried(browser, server) as page:
        server.refuse = lambda *_: (
            None if server.tokens[-1] == "Bearer new" else (401, {"error": "no"}, {})
        )
        ask(page)
        page.get_by_label("Access token").fill("new")
        page.get_by_role("button", name="Use it").click()
        page.wait_for_selector("section.task")
        assert server.asked[-1][1]["texts"] == [TEXT]
