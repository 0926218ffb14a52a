"""Lines of predictions for people stay lines where a task has thousands of classes."""

import json
from types import SimpleNamespace

import numpy as np

from mtc_keras.run.writer import MOST_LISTED, RunWriter
from mtc_keras.tasks import task_from_config


def test_a_line_has_the_confidence_in_place_of_thousands_of_probabilities(tmp_path):
    sizes = {"small": 3, "large": MOST_LISTED + 1, "after": 2}
    tasks = [
        task_from_config(
            {"name": name, "kind": "multiclass", "classes": [f"class {c}" for c in range(size)]}
        )
        for name, size in sizes.items()
    ]
    probabilities, targets = {}, {}
    for name, size in sizes.items():
        found = np.full((2, size), 0.25 / (size - 1), "float32")
        found[:, 1] = 0.75
        probabilities[name], targets[name] = found, np.array([1, -1], "int32")
    writer = RunWriter(str(tmp_path / "run"))
    model = SimpleNamespace(tasks=tasks, decisions={})
    writer.write_predictions("test", model, probabilities, targets, ids=["a", "b"])
    lines = (writer.directory / "predictions" / "test.jsonl").read_text().splitlines()
    first, second = map(json.loads, lines)
    assert first["id"] == "a" and second["target_large"] is None
    assert list(first) == [
        *("id", "target_small", "target_large", "target_after"),
        *("predicted_small", "small_probabilities"),
        *("predicted_large", "large_confidence"),
        *("predicted_after", "after_probabilities"),
    ]
    assert first["predicted_large"] == "class 1" and first["large_confidence"] == 0.75
    assert first["small_probabilities"]["class 1"] == 0.75
