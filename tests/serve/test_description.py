"""What a client is told of a model before it asks it."""

import json
from pathlib import Path
from types import SimpleNamespace

from mtc_keras.config import DataConfig
from mtc_keras.predict.predictors import open_predictor
from mtc_keras.serve.http.description import describe
from mtc_keras.tasks import Decision, Multiclass, Multilabel, Ordinal, Regression

WRITTEN = Path(__file__).parents[1] / "written_by_0_1" / "export_onnx"
LIMITS = SimpleNamespace(max_texts=8, max_characters=500, max_body_bytes=4096, timeout=2.5)


def served(tasks, decisions=None, text="text"):
    """A model as the engine serves it."""
    return SimpleNamespace(
        name="tiny",
        version=3,
        format="onnx",
        tasks=tasks,
        decisions=decisions or {},
        data=DataConfig(text=text),
        max_length=64,
        limits=LIMITS,
    )


def test_every_kind_is_told_with_what_people_see_and_what_decides():
    tasks = [
        Multiclass(name="mood", classes=["S1", "S2"], class_names={"S1": "bad"}),
        Multilabel(name="topics", classes=["bus", "fee"]),
        Ordinal(name="stars", classes=["1", "2", "3"]),
        Regression(name="wait", mean=3.0, scale=1.5),
    ]
    decisions = {
        "mood": Decision(temperature=1.5),
        "topics": Decision(["bus", "fee"], thresholds={"bus": 0.3}),
    }
    found = describe(served(tasks, decisions))
    assert json.loads(json.dumps(found)) == found
    mood, topics, stars, wait = found["tasks"]
    assert mood["classes"] == [
        {"name": "S1", "shown": "bad", "threshold": None},
        {"name": "S2", "shown": "S2", "threshold": None},
    ]
    assert [mood["is_exclusive"], topics["is_exclusive"]] == [True, False]
    assert [entry["threshold"] for entry in topics["classes"]] == [0.3, 0.5]
    assert topics["separator"] == "|" and mood["separator"] is None
    assert stars["has_order"] and not topics["has_order"]
    assert [wait["mean"], wait["scale"], wait["classes"]] == [3.0, 1.5, []]
    assert found["limits"] == vars(LIMITS)
    assert found["inputs"] == [{"name": "text", "column": "text"}]


def test_the_columns_of_pairs_are_named():
    task = Multiclass(name="mood", classes=["a", "b"])
    inputs = describe(served([task], text=["premise", "hypothesis"]))["inputs"]
    assert inputs == [
        {"name": "text", "column": "premise"},
        {"name": "text_pair", "column": "hypothesis"},
    ]


def test_an_export_of_an_older_version_tells_what_it_knows():
    predictor = open_predictor(WRITTEN)
    model = served(predictor.tasks, predictor.decisions)
    numbers = [task for task in describe(model)["tasks"] if not task["has_probabilities"]]
    assert numbers and all(task["mean"] is None for task in numbers)
