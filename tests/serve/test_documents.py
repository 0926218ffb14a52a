"""What is written about the protocols is true: examples, commands, schemas."""

import json
import re
import shlex
from html import unescape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtc_keras import cli
from mtc_keras.serve.http.app import create_app
from mtc_keras.serve.limits import Limits
from tests.conftest import ROOT
from tests.fuzzing import tries
from tests.serve.asking import ask, get
from tests.serve.fakes import NAME, FakeEngine

GUIDE = ROOT / "docs" / "serving.md"


@pytest.fixture(scope="module")
def singles():
    return create_app(FakeEngine())


@pytest.fixture(scope="module")
def pairs():
    return create_app(FakeEngine(pairs=True))


def operations(app):
    """Yields the method and path of each operation, and what the document says of it."""
    for path, methods in get(app, "/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path.format(name=NAME, version=3), operation


def test_every_example_is_answered(singles, pairs):
    sent = set()
    for method, path, operation in operations(singles):
        content = operation.get("requestBody", {"content": {"application/json": {}}})["content"]
        for name, example in content["application/json"].get("examples", {}).items():
            app = pairs if "pair" in name else singles
            answer = ask(app, method, path, json=example["value"])
            assert answer.status_code == 200, (path, name, answer.text)
            sent.add(name)
    assert {"rows", "columns of pairs", "only sure labels", "a pair", "texts", "pairs"} <= sent


def test_every_get_is_answered_as_its_schema_says(singles):
    jsonschema = pytest.importorskip("jsonschema")
    for method, path, operation in operations(singles):
        if method == "GET":
            answer = get(singles, path)
            assert answer.status_code == 200, path
            [(kind, content)] = operation["responses"]["200"]["content"].items()
            assert answer.headers["content-type"].startswith(kind)
            found = answer.text if kind == "text/plain" else answer.json()
            jsonschema.validate(found, content["schema"])


def test_operations_have_names_of_their_own(singles):
    names = [operation["operationId"] for _, _, operation in operations(singles)]
    assert len(set(names)) == len(names) > 20


def test_tokens_are_told_where_they_are_asked_for():
    assert "security" not in get(create_app(FakeEngine()), "/openapi.json").json()
    found = get(create_app(FakeEngine(), tokens=["a" * 16]), "/openapi.json").json()
    assert found["security"] == [{"token": []}]
    assert found["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def commands(text):
    """Yields method, path and body of each `curl` command in a text."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for command in re.findall(r"^curl (?:[^'\n]|'(?:[^']|'\\'')*')+", joined, re.MULTILINE):
        arguments = shlex.split(command)
        url = next(part for part in arguments if part.startswith("http"))
        body = arguments[arguments.index("-d") + 1] if "-d" in arguments else None
        yield "GET" if body is None else "POST", re.sub("^https?://[^/]+", "", url), body


@pytest.mark.parametrize("kind", ["singles", "pairs"])
def test_every_command_on_the_page_of_documents_is_answered(request, kind):
    app = request.getfixturevalue(kind)
    page = get(app, "/docs", headers={"host": "models.test:8080"}).text
    assert "curl http://models.test:8080/v1/models/quickstart:predict" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)  # it loads nothing
    found = re.findall(r"<pre[^>]*>(curl .*?)</pre>", page, re.DOTALL)
    assert len(found) >= 5
    for command in found:
        [(method, path, body)] = commands(unescape(command))
        answer = ask(app, method, path, content=body)
        assert answer.status_code == 200, (command, answer.text)


def test_commands_on_the_page_of_documents_have_a_token_where_one_is_asked_for(singles):
    page = unescape(get(create_app(FakeEngine(), tokens=["a" * 16]), "/docs").text)
    commands = re.findall("^.*curl .*$", page, re.MULTILINE)
    assert commands and all('-H "Authorization: Bearer $TOKEN" -d' in line for line in commands)
    assert "Authorization" not in get(singles, "/docs").text


def test_the_page_of_documents_shows_the_address_of_a_proxy_with_tls(singles):
    headers = {"host": "models.test", "x-forwarded-proto": "https"}
    page = get(singles, "/docs", headers=headers).text
    assert "curl https://models.test/v1/models/quickstart:predict" in page
    assert "http://" not in page


def test_every_command_of_the_guide_is_answered(singles):
    found = [
        command
        for block in re.findall(r"```\w*\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
        for command in commands(block)
        if command[1].startswith(("/v1", "/v2", "/metrics", "/healthz"))
    ]
    assert len(found) >= 5
    for method, path, body in found:
        answer = ask(singles, method, path, content=body)
        assert answer.status_code == 200, (path, body, answer.text)


def programs_called(text):
    """Yields the parsed options of each `mtc-keras` command in blocks of a text."""
    parser = cli.build_parser(cli.programs())
    for block in re.findall(r"```\n(.*?)```", text, re.DOTALL):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            if line.startswith("mtc-keras "):
                yield parser.parse_args(shlex.split(line, comments=True)[1:])


def test_a_folder_of_the_guides_has_exports_of_one_format():
    pages = [ROOT / "README.md", GUIDE, GUIDE.with_name("exporting.md")]
    formats, served = {}, set()
    for page in pages:
        for options in programs_called(page.read_text("utf-8")):
            if hasattr(options, "quantize"):
                of_folder = formats.setdefault(options.out, (options.format, options.quantize))
                assert of_folder == (options.format, options.quantize), (page, options.out)
            elif hasattr(options, "max_texts"):
                served.add(options.model)
    assert {"runs/quickstart", "exports/quickstart_onnx"} <= served
    assert served <= {*formats, "runs/quickstart"}
    serving = ROOT / "configs" / "serving"
    texts = [GUIDE.read_text("utf-8"), *(f.read_text("utf-8") for f in serving.iterdir())]
    held = {found for text in texts for found in re.findall(r"EXPORT=([\w/]+)", text)}
    assert {formats[folder][0] for folder in held} == {"onnx"}


# === Generated from the schemas ===

LIMITS = Limits(max_texts=8, max_characters=200)


def generated(app):
    """Returns a strategy of requests that fit the schemas, and of some that do not."""
    schemathesis = pytest.importorskip("schemathesis")
    from schemathesis.generation import GenerationMode

    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    found = [result.ok() for result in schema.get_all_operations()]
    # Those with a body are most of what can go wrong.
    found += 3 * [operation for operation in found if operation.method == "post"]
    return st.one_of(
        operation.as_strategy(generation_mode=mode)
        for operation in found
        for mode in GenerationMode
    )


def check_generated(tried, *, are_pairs):
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    app = create_app(FakeEngine(limits=LIMITS, pairs=are_pairs), page=False)
    found = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]
    statuses: dict[int, int] = {}

    @tried
    @given(generated(app), st.booleans())
    def check(case, is_known):
        if is_known:  # what is wrong is in the body
            names = {"name": NAME, "version": "3"}
            case.path_parameters = {name: names[name] for name in case.path_parameters or {}}
        answer = case.call()
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        case.validate_response(answer, checks=found)

    check()
    assert {200, 400, 404} <= set(statuses)
    return statuses


@pytest.mark.parametrize("are_pairs", [False, True])
def test_fuzz_requests_made_from_the_schemas_get_no_500(are_pairs):
    check_generated(tries(60), are_pairs=are_pairs)


@pytest.mark.slow
@pytest.mark.parametrize("are_pairs", [False, True])
def test_of_2000_requests_made_from_the_schemas_none_gets_a_500(are_pairs):
    many = settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
    statuses = check_generated(many, are_pairs=are_pairs)
    assert sum(statuses.values()) >= 2000
    assert not [status for status in statuses if status >= 500]


def test_a_document_is_plain_json(singles):
    found = get(singles, "/openapi.json")
    assert found.json() == json.loads(found.content)
    assert found.json()["info"]["title"] == f"mtc-keras: {NAME}"
