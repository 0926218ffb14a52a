"""What a request may hold: a status, and a message of what is wrong, where, and which limit."""

import asyncio
import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.serve.http.app import create_app
from mtc_keras.serve.http.bad_request import BadRequest
from mtc_keras.serve.http.bodies import parse_object
from mtc_keras.serve.limits import Limits
from tests.fuzzing import tries
from tests.serve.asking import (
    CLASSIFY,
    EXPLAIN,
    INFER,
    PREDICT,
    ask,
    client,
    escaped,
    infer_body,
    listening,
)
from tests.serve.fakes import FakeEngine

LIMITS = Limits(max_body_bytes=5_000, max_texts=4, max_characters=50)
SECRET = "xyzzy"  # stands in what is sent, and must not come back


@pytest.fixture(scope="module")
def app():
    return create_app(FakeEngine(limits=LIMITS), page=False)


@pytest.fixture(scope="module")
def pairs():
    return create_app(FakeEngine(limits=LIMITS, pairs=True), page=False)


def texts(*found):
    return {"instances": list(found)}


BAD = [
    # no JSON
    (PREDICT, b"", 400, "not read as JSON: Expecting value (line 1, column 1)"),
    (PREDICT, b'{"instances": ["xyzzy"', 400, "not read as JSON"),
    (PREDICT, b'{"instances": ["xyzzy\xff"]}', 400, "byte 21 is not UTF-8"),
    (PREDICT, b'["xyzzy"]', 400, "must be a JSON object, and is an array"),
    (PREDICT, b'"xyzzy"', 400, "must be a JSON object, and is a string"),
    (PREDICT, b'{"a":' * 1300 + b"1", 413, "more than 5,000 bytes (--max-body-bytes)"),
    (PREDICT, b"[" * 4900, 400, "nested too deep"),
    (PREDICT, b'{"instances": 1' + b"0" * 4400 + b"}", 400, "too many digits"),
    (PREDICT, b'{"instances": ["xyzzy"], "instances": ["b"]}', 400, "a key twice"),
    (INFER, b'{"id": "\\ud800", "inputs": []}', 400, '"id" holds half of a surrogate pair'),
    (PREDICT, {"instances": ["a"], "signature_name": 0}, 400, "must be a string, and is a number"),
    # shapes
    (PREDICT, {}, 400, "Missing 'inputs' or 'instances' key"),
    (PREDICT, {"instances": ["a"], "inputs": ["a"]}, 400, "only one of 'inputs' or 'instances'"),
    (PREDICT, {"instances": [], "signature_name": ""}, 400, "No values in 'instances' array"),
    (PREDICT, {"instances": "xyzzy"}, 400, "instances must be an array, and is a string"),
    (PREDICT, {"instances": ["a"], "xyzzy": 1}, 400, "1 unknown key; known: "),
    (PREDICT, texts("a", 7), 400, "instances[1] must be a string, and is a number"),
    (PREDICT, texts("a", None), 400, "instances[1] must be a string, and is null"),
    (PREDICT, texts("a", ["xyzzy"]), 400, "instances[1] must be a string, and is an array"),
    (PREDICT, texts({"text": True}), 400, "instances[0].text must be a string, and is a boolean"),
    (PREDICT, texts({"xyzzy": "a"}), 400, 'instances[0] must have 1 key, "text"'),
    (PREDICT, {"inputs": {"text": "a"}}, 400, "inputs.text must be an array"),
    (PREDICT, {"inputs": {"text": ["a", {}]}}, 400, "inputs.text[1] must be a string"),
    (PREDICT, {"inputs": {"xyzzy": ["a"]}}, 400, 'inputs must have "text"'),
    (PREDICT, {"instances": ["a"], "signature_name": "xyzzy"}, 400, "must be one of"),
    (PREDICT, {"instances": ["a"], "signature_name": ["xyzzy"]}, 400, "must be a string"),
    (PREDICT, {"instances": ["a"], "signature_name": "tokens"}, 400, "send texts"),
    (CLASSIFY, {}, 400, 'lacks "texts"'),
    (CLASSIFY, {"texts": ["a"], "abstain_below": "xyzzy"}, 400, '"abstain_below" must be a number'),
    (CLASSIFY, {"texts": ["a"], "abstain_below": True}, 400, '"abstain_below" must be a number'),
    (CLASSIFY, {"texts": ["a"], "abstain_below": 1.5}, 400, "between 0 and 1"),
    (CLASSIFY, b'{"texts": ["a"], "abstain_below": NaN}', 400, "between 0 and 1"),
    (CLASSIFY, {"texts": ["a"], "columns": ["xyzzy"]}, 400, '"columns" must be an array of'),
    (CLASSIFY, {"texts": ["a"], "columns": [["labels"]]}, 400, '"columns" must be an array of'),
    (CLASSIFY, {"texts": ["a"], "raw": 1}, 400, '"raw" must be a boolean'),
    (CLASSIFY, {"texts": ["a"], "raw": True, "columns": ["labels"]}, 400, 'with "raw"'),
    (EXPLAIN, {"text": "a"}, 400, 'lacks "task"'),
    (EXPLAIN, {"text": "a", "task": "xyzzy"}, 400, '"task" must be one of "mood"'),
    (EXPLAIN, {"text": "a", "task": {}}, 400, '"task" must be one of "mood"'),
    (EXPLAIN, {"text": ["a", "b"], "task": "mood"}, 400, "text must be a string"),
    (EXPLAIN, {"text": "a", "task": "mood", "label": 1}, 400, '"label" must be a string or null'),
    (INFER, {}, 400, '"inputs", an array'),
    (INFER, {"inputs": [{"name": "xyzzy"}]}, 400, 'inputs[0] must have a name of "text"'),
    (INFER, {"inputs": [{"name": "text", "datatype": "FP32"}]}, 400, 'must be "BYTES"'),
    (INFER, infer_body(["a"], id=7), 400, '"id" must be a string, and is a number'),
    (INFER, infer_body(["a"], parameters="xyzzy"), 400, "must be an object"),
    (INFER, infer_body(["a"], outputs=[{"name": "xyzzy"}]), 400, "outputs[0] must have a name"),
    # texts
    (PREDICT, texts(*"abcde"), 413, "instances has 5 texts, and a request at most 4 (--max-texts)"),
    (PREDICT, {"inputs": {"text": ["a"] * 5}}, 413, "inputs.text has 5 texts"),
    (CLASSIFY, {"texts": ["a"] * 5}, 413, "texts has 5 texts"),
    (INFER, infer_body(["a"] * 5), 413, "inputs[0] has 5 texts"),
    (PREDICT, texts("a", "b" * 51, "c"), 422, "instances[1] has 51 characters, and a text at most"),
    (PREDICT, texts("a", "é" * 51, "c"), 422, "(--max-characters)"),
    (PREDICT, texts("a", "xyzzy\0b", "c"), 422, "instances[1] holds the character NUL, at"),
    (PREDICT, texts("a", "xyzzy\ud800"), 422, "instances[1] holds half of a surrogate pair"),
    (PREDICT, texts("\0", "b", "\udfff"), 422, "NUL, at position 0; "
     "1 other text cannot be read, either"),
    (PREDICT, {"inputs": {"text": ["a", "\0"]}}, 422, "inputs.text[1] holds the character NUL"),
    (CLASSIFY, {"texts": ["a", "b" * 51]}, 422, "texts[1] has 51 characters"),
    (EXPLAIN, {"text": "\0", "task": "mood"}, 422, "text holds the character NUL"),
    (INFER, infer_body(["a", "\0"]), 422, "text[1] holds the character NUL"),
    (PREDICT, texts({"b64": "xyzzy"}), 422, "instances[0] must be base64 of a text"),
    (PREDICT, texts({"b64": "/w=="}), 422, "instances[0] must be base64 of a text"),
    (PREDICT, texts({"b64": 7}), 422, "instances[0] must be base64 of a text"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "status", "says"), BAD)
def test_a_bad_request_is_told_what_is_wrong_and_where(app, path, body, status, says):
    content = body if isinstance(body, bytes) else escaped(body)
    answer = ask(app, "POST", path, content=content)
    assert answer.status_code == status, answer.text
    assert says in answer.json()["error"]
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        (PREDICT, texts("a"), "instances[0] must hold a text pair"),
        (PREDICT, texts({"text": "a"}), "instances[0] must have 2 keys"),
        (PREDICT, texts({"text": "a", "text_pair": 7}), "instances[0].text_pair must be a string"),
        (PREDICT, {"inputs": ["a"]}, 'inputs must have "text", "text_pair"'),
        (PREDICT, {"inputs": {"text": ["a"], "text_pair": []}}, "as many texts of each kind"),
        (CLASSIFY, {"texts": [["a", "b"], ["a"]]}, "texts[1] must hold a text pair"),
        (CLASSIFY, {"texts": [["a", 7]]}, "texts[0][1] must be a string"),
        (INFER, infer_body(["a"]), 'inputs must be "text", "text_pair"'),
    ],
)
def test_a_model_of_pairs_says_what_a_row_lacks(pairs, path, body, says):
    answer = ask(pairs, "POST", path, json=body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]


def test_a_text_of_a_pair_that_cannot_be_read_is_named(pairs):
    body = {"texts": [["a", "b"], ["a", "\0"]]}
    answer = ask(pairs, "POST", CLASSIFY, json=body)
    assert answer.status_code == 422
    assert "texts[1].text_pair holds the character NUL" in answer.json()["error"]


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_the_content_type_does_not_matter(app, kind):
    body = json.dumps(texts("a"))
    answer = ask(app, "POST", PREDICT, content=body, headers={"content-type": kind})
    assert answer.status_code == 200


def test_a_text_at_each_limit_is_answered(app):
    assert ask(app, "POST", PREDICT, json=texts("é" * 50, "", "\x7f", "😀")).status_code == 200


def test_a_compressed_body_is_refused(app):
    answer = ask(app, "POST", PREDICT, content=b"x", headers={"content-encoding": "gzip"})
    assert answer.status_code == 415
    assert "compressed" in answer.json()["error"]


def test_what_is_left_of_a_body_that_is_too_large_is_read_before_the_answer(app):
    sent = 0

    async def parts():
        nonlocal sent
        for _ in range(1000):
            sent += 1000
            yield b" " * 1000

    answer = ask(app, "POST", PREDICT, content=parts())
    assert answer.status_code == 413
    assert sent == 1_000_000


def test_a_body_that_is_announced_as_too_large_and_waits_for_leave_is_not_read(app):
    async def parts():
        raise AssertionError("read")
        yield b""

    headers = {"expect": "100-continue"}
    headers |= {"content-length": "5001"}
    answer = ask(app, "POST", PREDICT, content=parts(), headers=headers)
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"


def test_bodies_that_arrive_at_the_same_time_take_bounded_memory():
    app = create_app(FakeEngine(limits=Limits(max_body_bytes=1_000)), page=False)

    async def asked():
        everyone_has_begun = asyncio.Event()

        async def parts():
            yield b" " * 900
            await everyone_has_begun.wait()
            yield escaped(texts("a"))

        async with client(app) as asking:
            waiting = [
                asyncio.create_task(asking.post(PREDICT, content=parts())) for _ in range(30)
            ]
            late = [task.result() for task in (await asyncio.wait(waiting, timeout=0.5))[0]]
            everyone_has_begun.set()
            return late, await asyncio.gather(*waiting), await asking.post(PREDICT, json=texts("a"))

    late, answers, afterwards = asyncio.run(asked())
    assert [answer.status_code for answer in late] == [429] * 13  # 17 of 900 bytes fit
    assert late[0].headers["retry-after"] == "1"
    assert [answer.status_code for answer in answers].count(200) == 17
    assert afterwards.status_code == 200


def test_a_body_that_is_refused_before_its_end_ends_the_connection_alone(app):
    with listening(app) as address:
        for body in (b" " * 5_001, b" " * 20_000_000):
            answer = httpx.post(f"http://{address}{PREDICT}", content=body)
            assert answer.status_code == 413
            assert httpx.post(f"http://{address}{PREDICT}", json=texts("a")).status_code == 200


def test_a_large_body_is_parsed_beside_the_event_loop(monkeypatch):
    found = []
    to_thread = asyncio.to_thread

    async def noticed(function, *arguments):
        found.append(function.__name__)
        return await to_thread(function, *arguments)

    monkeypatch.setattr(asyncio, "to_thread", noticed)
    app = create_app(FakeEngine(), page=False)
    assert ask(app, "POST", PREDICT, json=texts("a" * 90_000)).status_code == 200
    assert found == []
    assert ask(app, "POST", PREDICT, json=texts(*["a" * 90_000] * 4)).status_code == 200
    assert found == ["parse_object"]


def test_a_body_that_does_not_arrive_in_time_is_refused():
    app = create_app(FakeEngine(limits=Limits(timeout=0.05)), page=False)

    async def parts():
        yield b"{"
        await asyncio.sleep(5)

    answer = ask(app, "POST", PREDICT, content=parts())
    assert answer.status_code == 408
    assert "did not arrive within 0.05 s" in answer.json()["error"]


def test_a_bad_request_leaves_its_neighbours_alone(app):
    async def asked():
        async with client(app) as asking:
            bodies = [texts("a"), texts("\0"), texts("b"), texts(7), texts("c")]
            return await asyncio.gather(*(asking.post(PREDICT, json=body) for body in bodies))

    found = [answer.status_code for answer in asyncio.run(asked())]
    assert found == [200, 422, 200, 400, 200]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@tries(200)
@given(st.binary(max_size=60) | VALUES.map(escaped) | st.text(max_size=60).map(str.encode))
def test_fuzz_a_body_is_an_object_or_refused(body):
    try:
        found = parse_object(body)
    except BadRequest as error:
        assert error.status == 400
    else:
        assert isinstance(found, dict)


KEYS = ["texts", "instances", "inputs", "text", "task", "label", "raw", "columns", "parameters",
        "outputs", "id", "name", "shape", "datatype", "data", "signature_name", "b64", "mood",
        "abstain_below", "text_pair"]  # fmt: skip
WORDS = st.sampled_from(
    ["a", "\0", "\ud800", "mood", "BYTES", "text", "labels", "classify", "YQ=="]
)
BODIES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats() | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=16,
)


@tries(100)
@given(st.sampled_from([PREDICT, CLASSIFY, EXPLAIN, INFER]), BODIES)
def test_fuzz_whatever_a_request_holds_it_gets_no_500(app, path, body):
    answer = ask(app, "POST", path, content=escaped(body))
    assert answer.status_code in (200, 400, 413, 422), answer.text
    assert answer.status_code == 200 or answer.json()["error"]
