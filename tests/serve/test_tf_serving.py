"""A client of TensorFlow Serving gets the same answers from us, whatever it asks."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from mtc_keras.predict.predictors import open_predictor
from mtc_keras.serve.http.app import create_app
from mtc_keras.serve.http.protocols.signatures import outputs_of, signature_def
from mtc_keras.serve.limits import Limits
from mtc_keras.serve.served_model import described
from mtc_keras.serve.versions import State, Version
from mtc_keras.tasks import Multiclass, Multilabel, Regression
from tests.serve.asking import PREDICT, V1, ask, get, post
from tests.serve.fakes import FakeEngine

RECORDED = json.loads((Path(__file__).parent / "tf_serving_exchange.json").read_text())
EXCHANGES = RECORDED["exchanges"]
SAVED_MODEL = Path(__file__).parents[1] / "written_by_0_1" / "export" / "1"
ANSWERS = {
    "kind": {"mood": [0.2, 0.3, 0.5], "topics": [0.9, 0.1], "length": 3.25},
    "rude": {"mood": [0.625, 0.25, 0.125], "topics": [0.25, 0.75], "length": -1.0},
}


class KnownEngine(FakeEngine):
    """Answers two texts as the recorded server did."""

    def __init__(self) -> None:
        known = [
            Multiclass(name="mood", classes=["bad", "fine", "good"]),
            Multilabel(name="topics", classes=["bus", "fee"]),
            Regression(name="length"),
        ]
        super().__init__(known=known)
        self.versions = [Version(3, State.AVAILABLE)]

    def probabilities(self, texts):
        return {
            task.name: np.array([ANSWERS[text][task.name] for text in texts[0]], "float32")
            for task in self.tasks
        }


class Client:
    """What somebody wrote for TensorFlow Serving; it knows nothing of who answers."""

    def __init__(self, send) -> None:
        self.send = send  # (method, path, body) -> (status, answer)

    def ask(self, exchange):
        return self.send(exchange["method"], exchange["path"], exchange.get("body"))

    def moods(self, texts):
        status, answer = self.send("POST", PREDICT, {"instances": texts})
        assert status == 200
        return [row["mood"] for row in answer["predictions"]]

    def labels(self, texts):
        body = {"signature_name": "classify", "inputs": {"text": texts}}
        status, answer = self.send("POST", PREDICT, body)
        assert status == 200
        return answer["outputs"]["mood__labels"]

    def is_available(self):
        status, answer = self.send("GET", V1, None)
        found = answer["model_version_status"]
        return status == 200 and any(version["state"] == "AVAILABLE" for version in found)


def recorded(method, path, body):
    [found] = [
        exchange
        for exchange in EXCHANGES
        if (exchange["method"], exchange["path"], exchange.get("body")) == (method, path, body)
    ]
    return found["status"], found["answer"]


@pytest.fixture(scope="module")
def ours():
    app = create_app(KnownEngine(), page=False)

    def send(method, path, body):
        answer = ask(app, method, path, json=body)
        return answer.status_code, answer.json()

    return send


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange["what"])
def test_we_answer_as_the_recorded_server(ours, exchange):
    theirs, found = Client(recorded).ask(exchange), Client(ours).ask(exchange)
    assert found[0] == theirs[0]
    if exchange.get("own_words"):  # theirs quote what was sent, or say less
        assert list(found[1]) == list(theirs[1]) == ["error"]
    else:
        assert found[1] == theirs[1]  # numbers are the shortest decimals of a float32, too


@pytest.mark.parametrize("server", ["recorded", "ours"])
def test_the_same_client_works_with_both(ours, server):
    client = Client(recorded if server == "recorded" else ours)
    assert client.is_available()
    assert client.moods(["kind", "rude"]) == [[0.2, 0.3, 0.5], [0.625, 0.25, 0.125]]
    assert client.labels(["kind", "rude"]) == ["good", "bad"]


def test_the_name_of_an_only_output_is_left_out():
    engine = FakeEngine(known=[Multiclass(name="mood", classes=["bad", "good"])])
    app = create_app(engine, page=False)
    rows = post(app, PREDICT, {"instances": ["a", "b"]}).json()["predictions"]
    columns = post(app, PREDICT, {"inputs": ["a", "b"]}).json()["outputs"]
    assert rows == columns
    assert np.shape(rows) == (2, 2)
    engine = FakeEngine(known=[Regression(name="length")])
    rows = post(create_app(engine, page=False), PREDICT, {"instances": ["a"]}).json()
    assert isinstance(rows["predictions"][0], float)


def test_pairs_go_to_the_model_in_their_order():
    engine = FakeEngine(pairs=True)
    app = create_app(engine, page=False)
    post(app, PREDICT, {"instances": [{"text_pair": "b", "text": "a"}]})
    post(app, PREDICT, {"inputs": {"text_pair": ["b", "d"], "text": ["a", "c"]}})
    assert [texts for texts, *_ in engine.asked] == [(["a"], ["b"]), (["a", "c"], ["b", "d"])]


def test_a_version_that_was_asked_for_must_answer():
    engine = FakeEngine()
    post(create_app(engine, page=False), f"{V1}/versions/3:predict", {"instances": ["a"]})
    post(create_app(engine, page=False), PREDICT, {"instances": ["a"]})
    assert [version for _, version, _ in engine.asked] == [3, None]


@pytest.mark.parametrize(
    ("version", "status"), [("x", 400), ("-1", 400), ("9" * 30, 400), ("9", 404), ("٣", 400)]
)
@pytest.mark.parametrize("path", ["", "/metadata", "/describe"])
def test_a_version_is_a_number_that_is_there(version, status, path):
    app = create_app(FakeEngine(), page=False)
    assert get(app, f"{V1}/versions/{version}{path}").status_code == status


def test_a_version_that_failed_is_told_as_ended_and_why():
    [_, failed] = get(create_app(FakeEngine(), page=False), V1).json()["model_version_status"]
    status = {"error_code": "UNKNOWN", "error_message": "…/2 is damaged"}
    assert failed == {"version": "2", "state": "END", "status": status}


# === Against a SavedModel of ours ===


def test_metadata_are_those_of_our_saved_model_and_of_tensorflow_servings_messages():
    pytest.importorskip("tensorflow_serving")
    from google.protobuf import json_format
    from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
    from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

    model = described(SAVED_MODEL, "quickstart", 1, Limits())
    written = saved_model_pb2.SavedModel.FromString((SAVED_MODEL / "saved_model.pb").read_bytes())
    signatures = written.meta_graphs[0].signature_def
    ours = signature_def(model)
    read = get_model_metadata_pb2.SignatureDefMap()
    json_format.ParseDict({"signature_def": ours}, read)  # whose fields are known there

    def plain(signature: meta_graph_pb2.SignatureDef):
        found = json_format.MessageToDict(
            signature, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        for tensors in (found["inputs"], found["outputs"]):
            for tensor in tensors.values():
                del tensor["name"]  # within its graph
        return found

    assert set(ours) == {"serving_default", "classify"}
    for name in ours:
        assert plain(read.signature_def[name]) == plain(signatures[name])
        assert (
            json_format.MessageToDict(
                read.signature_def[name],
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
            == ours[name]
        )  # nothing is left out that TensorFlow Serving prints
    status = get(create_app(FakeEngine(), page=False), V1).json()
    json_format.ParseDict(status, get_model_status_pb2.GetModelStatusResponse())


def test_both_signatures_answer_as_our_saved_model_does():
    predictor = open_predictor(SAVED_MODEL)
    predictor.load()
    model = described(SAVED_MODEL, "quickstart", 1, Limits())
    random.seed(0)
    words = ["good", "bad", "fine", "queue", "form", "bus", "fee", "clerk"]
    texts = [" ".join(random.choices(words, k=length)) for length in range(1, 25)]
    found = predictor.predict((texts,))
    for signature in ("serving_default", "classify"):
        theirs = predictor._served.ask(signature, [texts])
        ours = outputs_of(model, found, signature)
        assert set(ours) == set(theirs)
        for name, values in theirs.items():
            if values.dtype == object:
                plain = np.vectorize(lambda cell: cell.decode())(values)
                assert np.array(ours[name]).tolist() == plain.tolist()
            else:
                np.testing.assert_allclose(ours[name], values, atol=1e-6)
                assert np.asarray(ours[name]).dtype == values.dtype
