"""TensorFlow is imported when something needs it, and is then as if it had been imported first."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

HEADER = """
import sys, traceback
RUN, FOLDER = sys.argv[1:]
TEXTS = ["the bus was good", "a bad form and a long queue", "fee"]
imports = []
def watch(event, args):
    if event == "import" and args[0] == "tensorflow":
        imports.append("".join(traceback.format_stack(limit=9)))
sys.addaudithook(watch)
def absent():
    return not [name for name in sys.modules if name.split(".")[0].startswith("tensorflow")]
"""
# What predicts, saves and seeds needs none; a graph that reads texts gets all of it afterwards.
LATE = """
import mtc_keras
model = mtc_keras.load(RUN)
expected = model.predict(TEXTS)
model.save_to_preset(FOLDER + "/preset")
model.save(FOLDER + "/model.keras")
import keras, keras_hub
words = keras_hub.models.BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "bus", "fee"])
python = words(["fee bus", "bus"])
keras.utils.set_random_seed(7)
assert absent(), "".join(imports[-2:])

import tensorflow as tf
assert tf.__spec__.loader is tf.__loader__ and tf.__file__ and not absent()
assert not [finder for finder in sys.meta_path if "late_tensorflow" in type(finder).__module__]
drawn = tf.random.uniform([]).numpy()
tf.random.set_seed(7)
assert drawn == tf.random.uniform([]).numpy()  # the seed that was set before
graph = tf.data.Dataset.from_tensor_slices(["fee bus", "bus"]).batch(2).map(words)
assert [row.tolist() for row in next(iter(graph)).numpy()] == [list(row) for row in python]
found = model.predict(tf.data.Dataset.from_tensor_slices(TEXTS).batch(2), verbose=0)
for name in expected:
    assert abs(expected[name] - found[name]).max() < 1e-5
assert keras_hub.tokenizers.compute_word_piece_vocabulary(
    tf.data.Dataset.from_tensor_slices(["bus bus fee"] * 9).batch(2), vocabulary_size=20
)
kind = tf.TensorShape([None, 2])
assert keras.saving.serialize_keras_object(kind) == [None, 2]
"""
# Keras' own parts that need what is large; of a process that has imported Keras before, nothing.
PARTS = """
import mtc_keras
assert mtc_keras.load(RUN).predict(TEXTS)
assert not {"sklearn", "matplotlib", "matplotlib.pyplot"} & sys.modules.keys()
assert not [finder for finder in sys.meta_path if "mtc_keras" in type(finder).__module__
            and "late_modules" in type(finder).__module__]
import keras
from keras.wrappers import SKLearnClassifier
assert issubclass(SKLearnClassifier, sys.modules["sklearn"].base.BaseEstimator)
assert keras.visualization.plot_image_gallery and "matplotlib.pyplot" in sys.modules
"""
FIRST = """
import tensorflow
import mtc_keras
assert mtc_keras.load(RUN).predict(TEXTS)
assert sys.modules["tensorflow"] is tensorflow
from keras_hub.src.utils import tensor_utils
assert tensor_utils.tf is tensorflow
"""
BETWEEN = """
import mtc_keras
mtc_keras.Multiclass, mtc_keras.MultiTaskClassifier
import tensorflow as tf
assert mtc_keras.load(RUN).predict(TEXTS)
assert sys.modules["tensorflow"] is tf and tf.constant(1).numpy() == 1
"""
BLOCKED = """
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0].startswith("tensorflow"):
            raise ModuleNotFoundError(name, name=name)
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *args: None if "tensorflow" in name else found(name, *args)
sys.meta_path.insert(0, Missing())
"""
MISSING = (
    BLOCKED
    + """
import mtc_keras
model = mtc_keras.load(RUN)
assert model.predict(TEXTS)
model.save_to_preset(FOLDER + "/without")
"""
)
# A training is the same where TensorFlow is missing.
TRAINED = """
import mtc_keras
from tests.conftest import rows, tiny_config
config = tiny_config(FOLDER + "/run")
run = mtc_keras.fit(config, train=rows(32), validation=rows(16, 1), verbose=0)
print(run.metrics["validation"]["score"])
"""


@pytest.mark.parametrize(
    "code",
    [LATE, PARTS, FIRST, BETWEEN, MISSING],
    ids=["late", "parts", "first", "between", "missing"],
)
def test_tensorflow_is_imported_when_it_is_needed(code, finished, tmp_path):
    ran(code, finished.directory, tmp_path)


def test_a_training_reads_its_batches_without_tensorflow(finished, tmp_path):
    late = ran(TRAINED + "assert absent(), imports[-1]", finished.directory, tmp_path / "late")
    missing = ran(BLOCKED + TRAINED, finished.directory, tmp_path / "missing")
    first = ran("import tensorflow" + TRAINED, finished.directory, tmp_path / "first")
    assert late == missing == first


def ran(code, run, folder):
    done = subprocess.run(
        [sys.executable, "-c", HEADER + code, str(run), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    # TensorFlow writes to stderr what it likes where the user imports it, or asks a graph of it.
    assert done.stderr == "" or "import tensorflow" in code
    return done.stdout
