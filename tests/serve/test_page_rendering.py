"""The page as it is sent: its policy, its headers, and names that stay text."""

from mtc_keras.serve.http.app import create_app
from mtc_keras.serve.page.rendering import HEADERS, page_html
from tests.serve.asking import get
from tests.serve.fakes import FakeEngine


def test_the_server_sends_it_with_its_headers_unless_it_is_left_out():
    answer = get(create_app(FakeEngine(), tokens=["s3cret"]), "/")
    assert answer.status_code == 200 and answer.text == page_html(FakeEngine().name)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert HEADERS["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert get(create_app(FakeEngine(), page=False), "/").status_code == 404


def test_its_policy_allows_its_own_style_and_script_and_its_own_server():
    policy = page_html("tiny").split('Content-Security-Policy" content="')[1].split('">')[0]
    assert "unsafe" not in policy and "default-src &#39;none&#39;" in policy
    assert "connect-src &#39;self&#39;" in policy
    assert "connect-src https://a.example;" in page_html("tiny", "https://a.example/models/")


def test_it_leads_to_the_examples_of_its_server():
    assert 'href="docs"' in page_html("tiny")
    assert 'href="https://a.example/models/docs"' in page_html("tiny", "https://a.example/models/")


def test_a_hostile_name_of_the_model_stays_text():
    html = page_html('"><script>alert(1)</script>\u202e')
    assert html.count("<script") == 1 and "&lt;script&gt;" in html
    assert r"\u202e</title>" in html
