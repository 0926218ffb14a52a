"""Labels as `mtc-keras predict` has them, and what is told of the model."""

import pytest

from mtc_keras.serve.http.app import create_app
from mtc_keras.tasks import Multiclass
from mtc_keras.tasks.predictions import Shown, prediction_columns
from tests.serve.asking import CLASSIFY, EXPLAIN, V1, ask, get, post
from tests.serve.fakes import FakeEngine

TEXTS = [f"text {number}" for number in range(100)]


def expected(engine, texts, shown):
    cells = prediction_columns(engine.tasks, engine.probabilities(texts), engine.decisions, shown)
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({}, Shown()),
        ({"columns": ["labels"]}, Shown(("labels",))),
        ({"columns": ["probabilities", "confidence"]}, Shown(("confidence", "probabilities"))),
        ({"abstain_below": 0.5}, Shown(abstain_below=0.5)),
        ({"abstain_below": 1, "columns": ["labels"]}, Shown(("labels",), 1)),
        ({"abstain_below": None, "raw": False}, Shown()),
        ({"raw": True}, Shown(("probabilities",))),
        ({"columns": []}, Shown(())),
    ],
)
def test_answers_are_the_columns_of_predict(asked, shown):
    engine = FakeEngine()
    answer = post(create_app(engine, page=False), CLASSIFY, {"texts": TEXTS, **asked})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["model_name"], found["model_version"]) == ("quickstart", "3")
    assert found["predictions"] == expected(engine, (TEXTS,), shown)
    assert engine.asked[0][2] is bool(asked.get("raw"))


def test_thresholds_decide():
    engine = FakeEngine()
    rows = post(create_app(engine, page=False), CLASSIFY, {"texts": TEXTS}).json()["predictions"]
    for row in rows:
        probabilities = row["topics_probabilities"]
        assert ("bus" in row["predicted_topics"]) == (probabilities["bus"] >= 0.7)
        assert ("fee" in row["predicted_topics"]) == (probabilities["fee"] >= 0.2)


def test_pairs_are_arrays_or_objects():
    engine = FakeEngine(pairs=True)
    texts = [["a", "b"], {"text": "c", "text_pair": "d"}]
    answer = post(create_app(engine, page=False), CLASSIFY, {"texts": texts})
    assert answer.json()["predictions"] == expected(engine, (["a", "c"], ["b", "d"]), Shown())


def test_a_text_of_which_nothing_is_asked_has_an_empty_row():
    engine = FakeEngine(known=[Multiclass(name="mood", classes=["bad", "good"])])
    answer = post(create_app(engine, page=False), CLASSIFY, {"texts": ["a", "b"], "columns": []})
    assert answer.json()["predictions"] == [{}, {}]


def test_no_texts_have_no_predictions():
    engine = FakeEngine()
    answer = post(create_app(engine, page=False), CLASSIFY, {"texts": []})
    assert (answer.status_code, answer.json()["predictions"]) == (200, [])
    assert engine.asked == []


def test_raw_probabilities_of_an_export_with_temperatures_are_refused_and_named():
    engine = FakeEngine()
    engine.decisions["mood"].temperature = 2.0
    answer = post(create_app(engine, page=False), CLASSIFY, {"texts": ["a"], "raw": True})
    assert answer.status_code == 400
    assert "has its temperatures in it" in answer.json()["error"]
    engine.format = "run"
    answer = post(create_app(engine, page=False), CLASSIFY, {"texts": ["a"], "raw": True})
    assert answer.status_code == 200


def test_a_version_that_comes_while_the_body_is_read_decides_by_its_own_thresholds():
    engine = FakeEngine()
    app = create_app(engine, page=False)

    async def body():
        yield b'{"texts": '
        engine.number = 4  # and version 3 is gone
        engine.decisions["topics"].thresholds = dict.fromkeys(["bus", "fee", "form", "queue"], 0.0)
        yield b'["a"]}'

    found = ask(app, "POST", CLASSIFY, content=body()).json()
    assert found["model_version"] == "4"
    assert found["predictions"][0]["predicted_topics"] == ["bus", "fee", "form", "queue"]
    assert ask(app, "POST", f"{V1}/versions/3:classify", content=body()).status_code == 404


def test_the_version_that_answers_decides_though_others_have_come_since():
    engine = FakeEngine()
    app = create_app(engine, page=False)
    predict = engine.predict

    async def slow(*args, **options):
        answer = await predict(*args, **options)
        engine.number = 9  # version 3 is no longer known
        return answer

    engine.predict = slow
    assert post(app, CLASSIFY, {"texts": ["a"]}).json()["model_version"] == "3"


def test_what_drove_a_label():
    app = create_app(FakeEngine(pairs=True), page=False)
    body = {"text": ["kind clerk", "yes"], "task": "mood", "label": None}
    found = post(app, EXPLAIN, body).json()
    assert (found["task"], found["label"]) == ("mood", "good")
    assert (found["method"], found["unit"]) == ("occlusion", "probability")
    assert [(word["text"], word["segment"]) for word in found["words"]] == [
        ("kind", 0),
        ("clerk", 0),
        ("yes", 1),
    ]
    assert found["words"][0] == {
        "text": "kind",
        "start": 0,
        "end": 4,
        "segment": 0,
        "attribution": 0.25,
    }


def test_a_model_describes_itself():
    found = get(create_app(FakeEngine(), page=False), f"{V1}/describe").json()
    assert (found["name"], found["version"], found["format"]) == ("quickstart", 3, "onnx")
    assert [task["name"] for task in found["tasks"]] == ["mood", "topics", "stars", "length"]
