"""What an experienced user of Keras tries on any model; docs/keras.md lists it."""

import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

import mtc_keras
from mtc_keras.model.classifier import MultiTaskClassifier
from tests.conftest import tiny_bert
from tests.model.test_classifier import TEXTS as ALL_TEXTS
from tests.model.test_classifier import equal
from tests.model.test_classifier import targets as targets  # a fixture
from tests.run.damaged import OLD

TEXTS = [text.replace("\0", " ") for text in ALL_TEXTS]


def another(tasks):
    backbone, preprocessor = tiny_bert(num_layers=1)
    return MultiTaskClassifier(backbone, tasks, preprocessor, dropout=0.0)


class Pairs(keras.utils.PyDataset):
    """Batches of two rows."""

    def __init__(self, targets):
        super().__init__()
        self.targets = targets

    def __len__(self):
        return 3

    def __getitem__(self, number):
        rows = slice(2 * number, 2 * number + 2)
        return TEXTS[rows], {name: values[rows] for name, values in self.targets.items()}


def test_a_py_dataset_is_what_arrays_are(model, targets):
    start = model.get_weights()
    model.compile(keras.optimizers.SGD(0.1))
    expected = model.fit(
        TEXTS, targets, batch_size=2, epochs=2, validation_data=(TEXTS, targets), verbose=0
    ).history
    model.set_weights(start)
    model.compile(keras.optimizers.SGD(0.1))
    rows = Pairs(targets)
    found = model.fit(rows, epochs=2, validation_data=rows, verbose=0).history
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, rel=1e-4), name
    logs = model.evaluate(rows, verbose=0, return_dict=True)
    assert logs == pytest.approx(
        model.evaluate(TEXTS, targets, batch_size=2, verbose=0, return_dict=True), rel=1e-4
    )
    for name, values in model.predict(rows, verbose=0).items():
        np.testing.assert_allclose(values, model.predict(TEXTS, verbose=0)[name], atol=1e-5)


def test_callbacks_find_what_they_look_for(model, targets, tmp_path):
    callbacks = (
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", "val_loss", save_best_only=True),
        keras.callbacks.EarlyStopping(
            "val_topics_loss", mode="min", patience=1, restore_best_weights=True
        ),
        keras.callbacks.ReduceLROnPlateau("val_pooled_dense_accuracy", mode="max"),
    )
    model.compile("sgd", metrics={"pooled_dense": "accuracy"})
    model.fit(TEXTS, targets, validation_data=(TEXTS, targets), verbose=0, callbacks=callbacks)
    header = (tmp_path / "log.csv").read_text().splitlines()[0].split(",")
    assert {"epoch", "topics_weight", "val_loss", "val_pooled_dense_accuracy"} <= set(header)
    best = mtc_keras.load(tmp_path / "best.keras")
    assert equal(best.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))
    model.fit(TEXTS, targets, verbose=0, callbacks=keras.callbacks.TerminateOnNaN())


def test_weights_are_read_written_and_saved(model, tasks, targets, tmp_path):
    model.set_weights([weight * 1.5 for weight in model.get_weights()])
    model.save_weights(tmp_path / "w.weights.h5")
    copy = another(tasks)
    copy.load_weights(tmp_path / "w.weights.h5")
    assert equal(copy.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))


def test_a_frozen_backbone_stays_as_it_is(model, targets):
    model.backbone.trainable = False
    model.compile(keras.optimizers.SGD(0.1))
    before = model.get_weights()
    model.fit(TEXTS, targets, verbose=0)
    paths = [weight.path for weight in model.weights]
    changed = {
        path
        for path, old, new in zip(paths, before, model.get_weights(), strict=True)
        if (old != new).any()
    }
    assert changed and all("head_" in path for path in changed)


@pytest.mark.parametrize("how", ["run_eagerly", "jit_compile", "steps_per_execution"])
def test_a_step_is_the_same_however_it_is_run(model, targets, how):
    start = model.get_weights()
    found = []
    for options in ({}, {how: {"run_eagerly": True, "jit_compile": False}.get(how, 2)}):
        model.set_weights(start)
        model.compile(keras.optimizers.SGD(0.1), metrics={"pooled_dense": "accuracy"}, **options)
        found.append(model.fit(TEXTS, targets, batch_size=2, verbose=0).history)
    for name, values in found[0].items():
        assert found[1][name] == pytest.approx(values, rel=1e-4), name


def test_an_interrupted_fit_goes_on_where_it_was(model, tasks, targets, tmp_path):
    class Interrupted(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def fitted(trained, *callbacks):
        trained.compile(keras.optimizers.Adam(1e-2))
        return trained.fit(TEXTS, targets, epochs=3, verbose=0, callbacks=callbacks)

    copies = [another(tasks) for _ in range(2)]
    for copy in copies:
        copy.set_weights(model.get_weights())
    whole = fitted(model)
    backup = [keras.callbacks.BackupAndRestore(tmp_path / "backup")]
    with pytest.raises(KeyboardInterrupt):
        fitted(copies[0], *backup, Interrupted())
    rest = fitted(copies[1], *backup)
    assert rest.epoch == [2]
    assert rest.history["loss"] == pytest.approx(whole.history["loss"][2:], rel=1e-4)


def test_mixed_precision_has_heads_of_float32(tasks, targets, tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = another(tasks)
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile("adam", metrics={"pooled_dense": "accuracy"})
    assert np.isfinite(model.fit(TEXTS, targets, verbose=0).history["loss"]).all()
    assert model.backbone.compute_dtype == "bfloat16"
    found = model.predict(TEXTS, verbose=0)
    assert {values.dtype.name for values in found.values()} == {"float32"}
    model.save(tmp_path / "mixed.keras")
    assert equal(mtc_keras.load(tmp_path / "mixed.keras").predict(TEXTS, verbose=0), found)


def test_a_model_that_is_not_compiled_predicts_and_says_what_training_needs(tasks, targets):
    backbone, preprocessor = tiny_bert(num_layers=1)
    model = MultiTaskClassifier(backbone, tasks, preprocessor, compile=False)
    assert model.predict(TEXTS[:1], verbose=0)
    for call in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
        with pytest.raises(ValueError, match=r"call model\.compile\(\) first"):
            call(TEXTS, targets)


def test_compile_takes_its_first_arguments_by_place_as_keras_does(tasks):
    model = another(tasks[:1])
    model.compile("sgd", "crossentropy", [2.0], ["accuracy"])
    assert model.task_loss_weights == {tasks[0].name: 2.0}
    assert model.compiled_metrics.names == ["accuracy"]


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize`")  # Keras, of embeddings
def test_a_quantized_model_predicts_and_is_saved(model, tmp_path):
    exact = model.predict(TEXTS, verbose=0)
    model.quantize("int8")
    found = model.predict(TEXTS, verbose=0)
    for name, values in found.items():
        np.testing.assert_allclose(values, exact[name], atol=0.3)
    model.save(tmp_path / "small.keras")
    assert equal(mtc_keras.load(tmp_path / "small.keras").predict(TEXTS, verbose=0), found)
    model.save_to_preset(tmp_path / "small")
    with pytest.raises(mtc_keras.DataError, match="from_preset loads it"):
        mtc_keras.load(tmp_path / "small")
    preset = MultiTaskClassifier.from_preset(str(tmp_path / "small"))
    assert equal(preset.predict(TEXTS, verbose=0), found)


def test_a_model_can_be_looked_at(model):
    lines = []
    model.summary(print_fn=lambda text, **options: lines.append(text))
    assert "head_topics" in "\n".join(lines)
    assert model.count_params() == sum(int(np.prod(weight.shape)) for weight in model.weights)
    assert set(model(model.preprocessor(TEXTS))) == {task.name for task in model.tasks}


def test_export_refuses_arguments_that_it_would_ignore(model, tmp_path):
    with pytest.raises(ValueError, match="takes texts and no"):
        model.export(tmp_path / "export", input_signature=[])


def test_a_model_is_copied_by_saving_and_loading(model, tmp_path):
    model.save(tmp_path / "model.keras")
    copy = mtc_keras.load(str(tmp_path / "model.keras"))
    assert equal(copy.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))
    with pytest.raises(TypeError):
        keras.models.clone_model(model)


def test_a_keras_file_loads_in_a_new_process_without_noise(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = "mtc_keras.load(path).tasks"
    imported = "mtc_keras.MultiTaskClassifier; import keras; keras.saving.load_model(path).tasks"
    for code in (loaded, imported, "from mtc_keras import MultiTaskClassifier"):
        code = f"import sys, mtc_keras; path = sys.argv[1]; {code}"
        command = [sys.executable, "-c", code, str(tmp_path / "model.keras")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")
        # What TensorFlow logs while Keras alone loads a file is Keras' affair.
        assert done.stderr == "" or code.endswith("load_model(path).tasks")


@pytest.mark.parametrize("content", [None, b"no archive", "empty", "another"])
def test_a_file_without_such_a_model_is_one_clear_error(content, tmp_path):
    path = tmp_path / "model.keras"
    if content == "another":
        keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]).save(path)
    elif content == "empty":
        zipfile.ZipFile(path, "w").close()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(mtc_keras.DataError, match=r"model file '.*model\.keras'"):
        mtc_keras.load(path)


BOMBS = {
    "layers": lambda saved: saved["config"]["backbone"]["config"].update(num_layers=10**6),
    "width": lambda saved: saved["config"]["backbone"]["config"].update(hidden_dim=65_536),
    "another model": lambda saved: saved.update(
        module="keras", class_name="Sequential", registered_name="Sequential"
    ),
    "no model": lambda saved: saved.update(config=[]),
    "a lambda": lambda saved: saved["config"].update(
        balancing={"module": "keras.layers", "class_name": "Lambda", "config": {}}
    ),
    "zeros": None,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_in_a_keras_file_is_refused_before_keras_opens_it(name, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.saving, "load_model", lambda path: pytest.fail("it was opened"))
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(OLD / "model.keras") as source:
        files = {entry: source.read(entry) for entry in source.namelist()}
    if BOMBS[name] is None:
        files["assets/zeros"] = bytes(300 * 2**20)
    else:
        saved = json.loads(files["config.json"])
        BOMBS[name](saved)
        files["config.json"] = json.dumps(saved).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry, content in files.items():
            target.writestr(entry, content)
    with pytest.raises(mtc_keras.DataError, match=r"is damaged: |holds a Sequential and no"):
        mtc_keras.load(path)


def test_what_else_is_written_to_stderr_during_an_import_is_kept():
    code = (
        "import os\n"
        "from mtc_keras.devices.quiet import quietly\n"
        "with quietly():\n"
        "    os.write(2, b'E0000 00:00:1795.1 12 cuda_platform.cc:52] failed call to cuInit\\n')\n"
        "    os.write(2, b'a warning of a user\\n')\n"
        "os.write(2, b'afterwards\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "a warning of a user\nafterwards\n"
