"""Who may ask, what is told when something fails, and what is never told: a text."""

import asyncio
import logging

import httpx
import pytest

from mtc_keras.errors import ConfigError, DataError
from mtc_keras.serve.http.app import create_app
from mtc_keras.serve.http.auth import Tokens, read_tokens
from mtc_keras.serve.http.metrics import Metrics
from mtc_keras.serve.refusals import Busy, Draining, Failed, NoVersion, TimedOut, WorkerDied
from tests.serve.asking import (
    CLASSIFY,
    EXPLAIN,
    INFER,
    PREDICT,
    V1,
    V2,
    ask,
    client,
    escaped,
    get,
    infer_body,
    listening,
    post,
)
from tests.serve.fakes import NAME, FakeEngine

TOKEN, OTHER = "a-token-of-many-letters", "another-token-of-letters"
MARKER = "xyzzy-plugh"
BODIES = {
    PREDICT: {"instances": [MARKER]},
    CLASSIFY: {"texts": [MARKER]},
    EXPLAIN: {"text": MARKER, "task": "mood"},
    INFER: infer_body([MARKER]),
}


@pytest.fixture
def engine():
    return FakeEngine()


# === Hosts ===


@pytest.mark.parametrize("path", ["/", "/docs", V1, PREDICT, "/healthz", "/metrics"])
def test_a_page_whose_name_was_made_to_lead_here_is_told_nothing(path):
    app = create_app(FakeEngine(), hosts=["models.example.com"])
    method = "POST" if path == PREDICT else "GET"

    def answer(host):
        body = {"instances": ["a"]} if method == "POST" else None
        return ask(app, method, path, headers={"host": host}, json=body)

    for host in (
        "evil.example",
        "127.0.0.1.evil.example:8501",
        "evil.example:1",
        "localhost.a",
        "",
    ):
        assert answer(host).status_code == 421
        assert "--allowed-host" in answer(host).json()["error"]
    for host in ("127.0.0.1:8501", "[::1]:8501", "LOCALHOST:1", "a.localhost", "10.0.0.1",
                 "Models.example.com", "models.example.com:443"):  # fmt: skip
        assert answer(host).status_code == 200


# === Tokens ===


@pytest.fixture(scope="module")
def guarded():
    return create_app(FakeEngine(), tokens=[TOKEN, OTHER], cors=["https://example.org"])


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", f"Bearer {TOKEN}x", TOKEN, f"Basic {TOKEN}", "Bearer ü"]
)
@pytest.mark.parametrize("path", [*BODIES, V1, f"{V1}/metadata", f"{V1}/describe", V2, "/metrics"])
def test_without_a_token_nothing_of_the_model_is_told(guarded, path, header):
    headers = {} if header is None else {"authorization": header.encode("utf-8")}
    method = "POST" if path in BODIES else "GET"
    answer = ask(guarded, method, path, json=BODIES.get(path), headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {"error": "a valid bearer token is needed"}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
@pytest.mark.parametrize("token", [TOKEN, OTHER])
def test_each_token_may_ask(guarded, token, scheme):
    headers = {"authorization": f"{scheme} {token}"}
    assert post(guarded, CLASSIFY, BODIES[CLASSIFY], headers=headers).status_code == 200
    assert get(guarded, "/metrics", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/docs", "/openapi.json", "/healthz", "/v2/health/live", "/v2/health/ready",
     f"{V2}/ready"],
)  # fmt: skip
def test_health_and_the_page_need_no_token(guarded, path):
    assert get(guarded, path).status_code == 200


def test_a_token_is_compared_as_a_digest_with_all(monkeypatch):
    compared = []

    def compare(known, given):
        compared.append((known, given))
        return known == given

    monkeypatch.setattr("mtc_keras.serve.http.auth.hmac.compare_digest", compare)
    assert Tokens([TOKEN, OTHER]).allow(f"Bearer {TOKEN}")
    assert {(len(known), len(given)) for known, given in compared} == {(32, 32)}
    assert len(compared) == 2


def test_tokens_of_a_file(tmp_path):
    file = tmp_path / "tokens.txt"
    file.write_text(f"# of Ada\n{TOKEN}\n\n  {OTHER}  \n")
    assert read_tokens(file) == [TOKEN, OTHER]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "has no token"),
        (b"# only this\n", "has no token"),
        (b"good-token-of-letters\nsecret\n", "line 2: a token has at least 16 characters"),
        (b"secret secret secret secret\n", "line 1: a token has"),
        ("sécret-sécret-sécret".encode(), "line 1: a token has"),
        (b"secret-secret-secret\xff", "is not UTF-8"),
    ],
)
def test_a_bad_file_of_tokens_is_told_without_them(tmp_path, content, says):
    file = tmp_path / "tokens.txt"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=says) as error:
        read_tokens(file)
    assert "cret-" not in str(error.value)


def test_a_missing_file_of_tokens_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_tokens(tmp_path / "none.txt")


# === Other sites ===


def test_a_page_of_a_known_origin_may_ask_from_a_browser(guarded):
    asked = {"origin": "https://example.org", "access-control-request-method": "POST",
             "access-control-request-headers": "authorization,content-type"}  # fmt: skip
    answer = ask(guarded, "OPTIONS", CLASSIFY, headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://example.org"
    other = ask(guarded, "OPTIONS", CLASSIFY, headers={**asked, "origin": "https://evil.test"})
    assert other.status_code == 400
    assert "access-control-allow-origin" not in other.headers


def test_no_other_site_may_ask_by_default(engine):
    headers = {"origin": "https://example.org"}
    answer = post(create_app(engine), CLASSIFY, BODIES[CLASSIFY], headers=headers)
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_headers_keep_the_page_and_documents_to_themselves(engine):
    app = create_app(engine)
    for path in ("/", "/docs"):
        answer = get(app, path)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert get(app, V1).headers["x-content-type-options"] == "nosniff"
    assert get(create_app(engine, page=False), "/").status_code == 404


# === Methods and paths ===


def test_head_is_get_without_the_body(engine):
    with listening(create_app(engine)) as address:
        for path in ("/healthz", V1, "/v2/health/ready", "/"):
            url = f"http://{address}{path}"
            answer, whole = httpx.head(url), httpx.get(url)
            assert (answer.status_code, answer.content) == (200, b"")
            assert answer.headers["content-length"] == str(len(whole.content))


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", PREDICT, ["POST"]), ("GET", INFER, ["POST"]), ("POST", V1, ["GET", "HEAD"]),
     ("PUT", V2, ["GET", "HEAD"]), ("DELETE", "/healthz", ["GET", "HEAD"]),
     ("HEAD", CLASSIFY, ["POST"])],
)  # fmt: skip
def test_another_method_is_refused_with_the_right_one(engine, method, path, allowed):
    answer = ask(create_app(engine), method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == set(allowed)
    said = f"this path takes {' or '.join(allowed)}, not {method}; /docs has examples"
    assert method == "HEAD" or answer.json() == {"error": said}
    assert ask(create_app(engine), "OPTIONS", path).status_code == 204


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/models/", f"{V1}/", f"{V1}/versions", f"{V1}:regress", "/v2/models", "/x"]
)
def test_a_path_of_nothing_is_told(engine, path):
    answer = get(create_app(engine), path)
    said = "there is nothing at this path; /docs lists those that there are"
    assert (answer.status_code, answer.json()) == (404, {"error": said})


def test_whoever_asks_another_model_is_told_which_there_is(engine):
    for path in ("/v1/models/half/describe", "/v2/models/half", "/v1/models/half/metadata"):
        answer = get(create_app(engine), path)
        assert answer.status_code == 404
        assert answer.json()["error"].endswith(f'; the model here is called "{NAME}"')


# === What the engine refuses, and what fails ===

REFUSALS = [
    (Busy("too many texts wait", 7), 429, "busy", "7"),
    (TimedOut("it took too long"), 504, "timeout", None),
    (WorkerDied("a worker died"), 503, "worker", "1"),
    (Draining("the server ends"), 503, "draining", "1"),
    (NoVersion("there is no such version"), 404, "version", None),
    (Failed("the model cannot compute a text"), 500, "failed", None),
    (DataError("raw cannot be had"), 400, "request", None),
]


@pytest.mark.parametrize(("error", "status", "kind", "retry_after"), REFUSALS)
@pytest.mark.parametrize("path", [PREDICT, CLASSIFY, INFER])
def test_a_refusal_of_the_engine_has_its_status(engine, path, error, status, kind, retry_after):
    engine.raises, metrics = error, Metrics()
    answer = post(create_app(engine, metrics=metrics), path, BODIES[path])
    assert (answer.status_code, answer.json()) == (status, {"error": str(error)})
    assert answer.headers.get("retry-after") == retry_after
    assert f'mtc_keras_errors_total{{kind="{kind}"}} 1.0' in metrics.page().decode()


def test_a_defect_is_answered_without_its_inside_and_logged_without_a_text(engine, caplog):
    engine.raises = RuntimeError(f"cannot read {MARKER}")
    with caplog.at_level(logging.DEBUG):
        answer = post(create_app(engine), PREDICT, BODIES[PREDICT])
    assert answer.status_code == 500
    assert answer.json() == {"error": "the server failed; its log says where"}
    assert "RuntimeError in" in caplog.text
    assert "fakes.py" in caplog.text


def test_no_text_is_in_a_log_an_error_or_a_metric(engine, caplog):
    metrics = Metrics()
    app = create_app(engine, metrics=metrics)
    errors = [error for error, *_ in REFUSALS] + [RuntimeError(MARKER), ValueError(MARKER), None]
    bad = [MARKER, [MARKER], {MARKER: MARKER}, {"instances": [[MARKER]]}, {"texts": {MARKER: 1}},
           {"instances": [MARKER, f"{MARKER}\0"]}, {"texts": [f"{MARKER}\ud800"]},
           {"texts": [MARKER * 20_000]}, {"text": MARKER, "task": MARKER}, infer_body([MARKER, 7]),
           {"text": MARKER, "task": "mood", "label": [MARKER]}, {"texts": [MARKER], "raw": MARKER},
           {"instances": [MARKER], "signature_name": MARKER},
           infer_body([f"{MARKER}\0"])]  # fmt: skip
    answers = []
    with caplog.at_level(logging.DEBUG):
        for error in errors:
            engine.raises = error
            answers += [post(app, path, body) for path, body in BODIES.items()]
        for body in bad:
            for path in BODIES:
                answers.append(ask(app, "POST", path, content=escaped(body)))
                answers.append(ask(app, "POST", path, content=escaped(body)[:-1]))
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(refused) > 100
    # An explanation quotes the words that it explains, to whoever has sent them.
    assert [answer.text for answer in refused if MARKER in answer.text] == []
    assert MARKER not in caplog.text
    assert MARKER not in metrics.page().decode()
    assert "Traceback" not in caplog.text


def test_a_path_that_a_client_makes_up_is_no_label_of_a_metric(engine):
    metrics = Metrics()
    app = create_app(engine, metrics=metrics)
    for number in range(5):
        get(app, f"/{MARKER}/{number}")
        post(app, f"/v1/models/{MARKER}{number}:predict", BODIES[PREDICT])
    page = metrics.page().decode()
    assert MARKER not in page
    assert 'mtc_keras_requests_total{protocol="other",status="404"} 5.0' in page
    assert 'mtc_keras_requests_total{protocol="tf_serving",status="404"} 5.0' in page


# === Clients that leave ===


def test_what_a_client_has_asked_is_dropped_when_it_leaves(engine):
    engine.seconds, metrics = 30.0, Metrics()
    app = create_app(engine, metrics=metrics)

    async def leave():
        body, sent = escaped(BODIES[PREDICT]), []
        messages = [{"type": "http.request", "body": body}, {"type": "http.disconnect"}]

        async def receive():
            await asyncio.sleep(0.01)
            return messages.pop(0)

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1",
                 "method": "POST", "path": PREDICT, "raw_path": PREDICT.encode(), "headers": [],
                 "query_string": b"", "root_path": "", "scheme": "http",
                 "client": ("127.0.0.1", 1), "server": ("test", 80)}  # fmt: skip
        await asyncio.wait_for(app(scope, receive, send), 5)

    asyncio.run(leave())
    assert engine.cancelled == 1
    assert 'kind="client_left"} 1.0' in metrics.page().decode()


def test_a_request_that_is_cancelled_leaves_others_alone(engine):
    engine.seconds = 0.05
    app = create_app(engine)

    async def asked():
        async with client(app) as asking:
            gone = asyncio.create_task(asking.post(PREDICT, json=BODIES[PREDICT]))
            others = [asking.post(PREDICT, json={"instances": [str(n)]}) for n in range(5)]
            await asyncio.sleep(0.01)
            gone.cancel()
            return await asyncio.gather(*others)

    answers = asyncio.run(asked())
    assert [answer.status_code for answer in answers] == [200] * 5
    rows = [answer.json()["predictions"][0]["mood"] for answer in answers]
    assert len({tuple(row) for row in rows}) == 5


def test_a_model_that_is_not_ready_says_so(engine):
    engine.is_ready = False
    app = create_app(engine)
    answer = post(app, PREDICT, BODIES[PREDICT])
    assert answer.status_code == 503
    assert get(app, "/v2/health/ready").status_code == 503
    assert get(app, f"{V2}/ready").json() == {"name": "quickstart", "ready": False}
    assert get(app, "/v2/health/live").status_code == 200
    assert get(app, "/healthz").json() == {"status": "ok", "ready": False}


def test_requests_are_counted_by_protocol_status_and_rows(engine):
    metrics = Metrics()
    app = create_app(engine, metrics=metrics)
    post(app, CLASSIFY, {"texts": ["a", "b", "c"]})
    post(app, INFER, infer_body(["a", "b"]))
    post(app, PREDICT, {"instances": [7]})
    metrics.queued(5)
    metrics.batch(4, 64, 0.01)
    metrics.waited(0.002)
    metrics.restarted()
    metrics.versions(engine.versions)
    found: httpx.Response = get(app, "/metrics")
    assert found.headers["content-type"].startswith("text/plain")
    for line in (
        'mtc_keras_requests_total{protocol="classify",status="200"} 1.0',
        'mtc_keras_requests_total{protocol="tf_serving",status="400"} 1.0',
        'mtc_keras_rows_total{protocol="classify"} 3.0',
        'mtc_keras_rows_total{protocol="open_inference"} 2.0',
        'mtc_keras_errors_total{kind="shape"} 1.0',
        'mtc_keras_request_seconds_count{protocol="classify"} 1.0',
        "mtc_keras_queue_rows 5.0",
        "mtc_keras_tokens_total 64.0",
        "mtc_keras_batch_rows_sum 4.0",
        "mtc_keras_compute_seconds_count 1.0",
        "mtc_keras_queue_seconds_count 1.0",
        "mtc_keras_worker_restarts_total 1.0",
        'mtc_keras_version_state{state="AVAILABLE",version="3"} 1.0',
        'mtc_keras_version_state{state="FAILED",version="2"} 1.0',
        'mtc_keras_version_state{state="AVAILABLE",version="2"} 0.0',
    ):
        assert line in found.text
