"""Clients of KServe, Triton and MLServer are answered."""

import json
import struct

import numpy as np
import pytest

import mtc_keras
from mtc_keras.serve.http.app import create_app
from tests.serve.asking import INFER, V2, ask, get, infer_body, listening, post
from tests.serve.fakes import FakeEngine

HEADER = "inference-header-content-length"


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def app(engine):
    return create_app(engine, page=False)


def test_outputs_are_tensors_of_every_task(app, engine):
    found = post(app, INFER, infer_body(["a", "b"], id="42")).json()
    assert (found["model_name"], found["model_version"], found["id"]) == ("quickstart", "3", "42")
    expected = engine.probabilities((["a", "b"],))
    assert [output["name"] for output in found["outputs"]] == list(expected)
    for output in found["outputs"]:
        values = expected[output["name"]]
        assert (output["datatype"], output["shape"]) == ("FP32", list(values.shape))
        assert np.array_equal(np.array(output["data"], "f4"), values.reshape(-1))


def test_only_the_outputs_that_are_asked_for_are_answered_in_that_order(app):
    body = infer_body(["a"], outputs=[{"name": "length"}, {"name": "mood"}])
    found = post(app, f"{V2}/versions/3/infer", body).json()
    assert [output["name"] for output in found["outputs"]] == ["length", "mood"]
    assert "id" not in found
    twice = infer_body(["a"], outputs=[{"name": "mood"}, {"name": "mood"}])
    assert post(app, INFER, twice).status_code == 400


@pytest.mark.parametrize(
    ("shape", "data", "status"),
    [
        ([2], ["a", "b"], 200),
        ([2, 1], ["a", "b"], 200),
        ([2, 1], [["a"], ["b"]], 200),
        ([0], [], 200),
        ([2], ["a"], 400),
        ([1, 2], ["a", "b"], 400),
        ([-1], ["a"], 400),
        ([True], ["a"], 400),
        ([], ["a"], 400),
        ([1] * 9, ["a"], 400),
        ("1", ["a"], 400),
        ([1], "a", 400),
        ([1], None, 400),
    ],
)
def test_a_shape_must_be_that_of_the_data(app, shape, data, status):
    tensor = {"name": "text", "shape": shape, "datatype": "BYTES", "data": data}
    assert post(app, INFER, {"inputs": [tensor]}).status_code == status


def packed(texts):
    return b"".join(struct.pack("<I", len(t)) + t for t in (text.encode() for text in texts))


def binary(app, texts: bytes, shape, size=None, length=None, **more):
    parameters = {"binary_data_size": len(texts) if size is None else size}
    tensor = {"name": "text", "shape": shape, "datatype": "BYTES", "parameters": parameters}
    head = json.dumps({"inputs": [tensor], **more}).encode()
    headers = {HEADER: str(len(head)) if length is None else length}
    return ask(app, "POST", INFER, content=head + texts, headers=headers)


def test_texts_and_numbers_may_stand_as_bytes_behind_the_json(app, engine):
    answer = binary(
        app,
        packed(["a", "é"]),
        [2],
        outputs=[{"name": "mood", "parameters": {"binary_data": True}}, {"name": "length"}],
    )
    assert answer.status_code == 200
    length = int(answer.headers[HEADER])
    mood, number = json.loads(answer.content[:length])["outputs"]
    expected = engine.probabilities((["a", "é"],))
    assert mood["parameters"] == {"binary_data_size": 24}
    values = np.frombuffer(answer.content[length:], "<f4").reshape(mood["shape"])
    assert np.array_equal(values, expected["mood"])
    assert np.array_equal(np.array(number["data"], "f4"), expected["length"])


@pytest.mark.parametrize(
    ("texts", "options", "status"),
    [
        (packed(["a"]), {"size": 99}, 400),
        (packed(["a"]), {"size": -1}, 400),
        (packed(["a"]), {"size": True}, 400),
        (packed(["a"]), {"size": 0}, 400),
        (packed(["a"]) + b"x", {"size": 5}, 400),
        (packed(["a"]), {"length": "99999"}, 400),
        (packed(["a"]), {"length": "x"}, 400),
        (packed(["a"]), {"length": "9" * 30}, 400),
        (packed(["a"])[:-1], {}, 400),
        (struct.pack("<I", 2**32 - 1), {}, 400),
        (packed(["a", "b"]), {}, 400),
        (struct.pack("<I", 1) + b"\xff", {}, 422),
        (packed(["\0"]), {}, 422),
    ],
)
def test_bytes_that_do_not_fit_are_refused(app, texts, options, status):
    answer = binary(app, texts, [1], **options)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_metadata_of_server_and_model(app):
    assert get(app, "/v2").json() == {
        "name": "mtc-keras",
        "version": mtc_keras.__version__,
        "extensions": ["binary_tensor_data"],
    }
    found = get(app, V2).json()
    assert (found["name"], found["versions"], found["platform"]) == (
        "quickstart",
        ["3"],
        "onnxruntime_onnx",
    )
    assert found["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
    assert found["outputs"][-1] == {"name": "length", "datatype": "FP32", "shape": [-1]}
    assert get(app, "/v2/models/other").status_code == 404
    assert get(app, f"{V2}/versions/9/ready").status_code == 404


@pytest.mark.parametrize("in_bytes", [False, True])
def test_tritons_own_client_works(app, engine, in_bytes):
    tritonclient = pytest.importorskip("tritonclient.http")
    texts = ["The clerk was kind.", "Zwei Stunden gewartet, größte Geduld 😀"]
    expected = engine.probabilities((texts,))
    with listening(app) as address, tritonclient.InferenceServerClient(address) as client:
        assert client.is_server_live() and client.is_server_ready()
        assert client.is_model_ready("quickstart") and client.is_model_ready("quickstart", "3")
        assert client.get_server_metadata()["name"] == "mtc-keras"
        assert client.get_model_metadata("quickstart")["inputs"][0]["datatype"] == "BYTES"
        tensor = tritonclient.InferInput("text", [2], "BYTES")
        tensor.set_data_from_numpy(np.array(texts, object), binary_data=in_bytes)
        outputs = [tritonclient.InferRequestedOutput("mood", binary_data=in_bytes)]
        found = client.infer("quickstart", [tensor], request_id="7", outputs=outputs)
        assert found.get_response()["id"] == "7"
        assert np.array_equal(found.as_numpy("mood"), expected["mood"])
        found = client.infer("quickstart", [tensor])  # all outputs, and numbers as bytes
        for name, values in expected.items():
            assert np.array_equal(found.as_numpy(name), values)
        with pytest.raises(tritonclient.InferenceServerException, match="Servable not found"):
            client.infer("other", [tensor])
