"""A model trains and predicts on TensorFlow as a backend, too."""

import os
import subprocess
import sys

from tests.conftest import ROOT

PROGRAM = """
import numpy as np
from mtc_keras import MultiTaskClassifier
from mtc_keras.tasks import Multiclass, Multilabel
from tests.conftest import tiny_bert

backbone, preprocessor = tiny_bert()
tasks = [Multiclass(name="a", classes=["x", "y"]), Multilabel(name="b", classes=["u", "v"])]
model = MultiTaskClassifier(backbone, tasks, preprocessor)
targets = {"a": np.array([0, 1]), "b": np.array([[0.0, 1.0], [1.0, 1.0]], "float32")}
before = [weight.numpy() for weight in model.trainable_weights]
model.compile(optimizer="sgd")
history = model.fit(["one", "two"], targets, verbose=0)
assert np.isfinite(history.history["loss"][0])
assert any(
    (then != now.numpy()).any() for then, now in zip(before, model.trainable_weights, strict=True)
)
assert model.predict(["three"], verbose=0)["a"].shape == (1, 2)
"""


def test_a_model_trains_on_tensorflow():
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
