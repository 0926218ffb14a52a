"""Many heads computed as one product: what each would compute alone, and no other files."""

import jax
import keras
import numpy as np
import pytest

from mtc_keras.model import joint_heads
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.model.joint_heads import FEWEST_JOINED, JointDense
from mtc_keras.tasks import Multiclass, Multilabel, Ordinal, Regression
from tests.conftest import tiny_bert

TEXTS = ["good clerk", "bad queue and slow bus", "", "fine"]


def heads(count=FEWEST_JOINED):
    """Tasks of all kinds and several widths, some with layers before or after the first product."""
    steps = [
        Multilabel(name="many", classes=["a", "b", "c", "d", "e"]),
        Ordinal(name="steps", classes=["low", "middle", "high"]),
        Regression(name="number", mean=3.0, scale=2.0),
        Multiclass(name="deep", classes=["x", "y"], hidden=[6, 5]),
    ]
    rest = [
        Multiclass(name=f"class_{n}", classes=[f"c{c}" for c in range(2 + n % 3)])
        for n in range(count - len(steps))
    ]
    return [*steps[:2], *rest, *steps[2:]]


def classifier(tasks, monkeypatch, fewest=FEWEST_JOINED, **options):
    monkeypatch.setattr(joint_heads, "FEWEST_JOINED", fewest)
    backbone, preprocessor = tiny_bert()
    return MultiTaskClassifier(backbone, tasks, preprocessor=preprocessor, **options)


def gradients(model, tokens):
    """Gradients of some sum over all logits, by the path of the variable."""

    def total(trainable):
        fixed = [variable.value for variable in model.non_trainable_variables]
        logits, _ = model.stateless_call(trainable, fixed, tokens, training=True)
        return sum((n + 1) * (logits[task.name] ** 2).sum() for n, task in enumerate(model.tasks))

    variables = model.trainable_variables
    found = jax.jit(jax.grad(total))([variable.value for variable in variables])
    return dict(zip([variable.path for variable in variables], found, strict=True))


def products(model, tokens):
    """The number of matrix products of a forward pass."""
    groups = (model.trainable_variables, model.non_trainable_variables)
    state = [[variable.value for variable in group] for group in groups]
    traced = jax.make_jaxpr(lambda x: model.stateless_call(*state, x)[0])(tokens)
    return str(traced).count("dot_general")


@pytest.mark.parametrize(("pooling", "most", "left"), [(None, 99, 1), ("max", 99, 2), (None, 4, 3)])
def test_joined_heads_compute_what_each_computes_alone(monkeypatch, pooling, most, left):
    tasks = heads(FEWEST_JOINED + 3)
    tasks[3] = tasks[3].model_copy(update={"pooling": pooling})  # alone on its features
    monkeypatch.setattr(joint_heads, "MOST_JOINED", most)
    alone = classifier(tasks, monkeypatch, fewest=100)
    joint = classifier(tasks, monkeypatch)
    tokens = alone.preprocessor(TEXTS)
    tokens = {name: np.asarray(values) for name, values in tokens.items()}
    assert alone.joint_call is None
    assert products(joint, tokens) == products(alone, tokens) - len(tasks) + left
    expected, found = (model(tokens, training=False) for model in (alone, joint))
    assert list(found) == list(expected) == [task.name for task in tasks]
    for name, logits in expected.items():
        assert found[name].shape == logits.shape
        np.testing.assert_allclose(found[name], logits, rtol=1e-5, atol=1e-6)
    # The same dropout, too: one draws as the other does.
    expected, found = gradients(alone, tokens), gradients(joint, tokens)
    assert found.keys() == expected.keys()
    for path, values in expected.items():
        np.testing.assert_allclose(found[path], values, rtol=1e-4, atol=1e-5)


def test_files_and_layers_are_those_of_heads_that_are_not_joined(monkeypatch, tmp_path):
    tasks = heads()
    alone = classifier(tasks, monkeypatch, fewest=100)
    joint = classifier(tasks, monkeypatch)
    paths = [[v.path for v in model.trainable_variables] for model in (joint, alone)]
    assert paths[0] == paths[1]
    assert len(joint.variables) == len(alone.variables)
    for layers in zip(joint.layers, alone.layers, strict=True):
        # The number of a backbone is that of those made before it.
        assert len({layer.name.rstrip("_0123456789") for layer in layers}) == 1
    for kernel in joint.trainable_variables:
        kernel.assign(kernel + 0.5)
    joint.save_weights(tmp_path / "joint.weights.h5")
    alone.load_weights(tmp_path / "joint.weights.h5")
    tokens = joint.preprocessor(TEXTS)
    for name, logits in joint(tokens).items():
        np.testing.assert_allclose(alone(tokens)[name], logits, rtol=1e-5, atol=1e-6)


def test_few_heads_and_large_ones_stay_as_they_are(monkeypatch):
    assert classifier(heads(FEWEST_JOINED - 1), monkeypatch).joint_call is None
    monkeypatch.setattr(joint_heads, "LARGEST_JOINED", 8 * 4)  # one head has five logits
    assert classifier(heads(FEWEST_JOINED), monkeypatch).joint_call is None
    assert classifier(heads(FEWEST_JOINED + 2), monkeypatch).joint_call is not None


def test_a_joined_head_can_be_frozen(monkeypatch):
    model = classifier(heads(), monkeypatch, dropout=0.0)
    model.get_layer("head_many").trainable = False
    model.compile(keras.optimizers.SGD(0.1))
    before = {v.path: np.array(v) for v in model.variables if v.path.startswith("head_")}
    targets = {task.name: task.encode(labels_of(task))[0] for task in model.tasks}
    model.fit(TEXTS, targets, epochs=1, verbose=0)
    moved = {path for path, old in before.items() if (old != model_value(model, path)).any()}
    assert moved == {path for path in before if not path.startswith("head_many/")}


def labels_of(task):
    """Labels of the four texts, each in every class or value once or more."""
    if task.kind == "regression":
        return [1.0, 2.0, 3.0, 4.5]
    classes = [task.known_classes[n % len(task.known_classes)] for n in range(len(TEXTS))]
    return [[name] for name in classes] if task.kind == "multilabel" else classes


def model_value(model, path):
    return next(np.array(variable) for variable in model.variables if variable.path == path)


def test_the_product_is_of_float32_and_of_lora_weights_and_leaves_quantised_layers_alone():
    """Under a policy of mixed precision, too, whose scope would cast what is read of a layer."""
    features = np.random.default_rng(0).normal(size=(3, 16)).astype("float32")
    layers = [keras.layers.Dense(units, dtype="float32") for units in (2, 5, 3)]
    for layer in layers:
        layer.build((None, 16))
    layers[1].enable_lora(2)
    layers[1].lora_kernel_b.assign(np.ones((2, 5)))
    joint = JointDense(layers)

    class Mixed(keras.layers.Layer):
        def call(self, inputs):
            return joint(inputs)

    mixed = Mixed(dtype="mixed_bfloat16", autocast=False)
    for found, layer in zip(mixed(features), layers, strict=True):
        assert str(found.dtype) == "float32"
        np.testing.assert_allclose(found, layer(features), rtol=1e-5, atol=1e-6)
    layers[0].activation = None
    layers[2].activation = keras.activations.gelu
    for found, layer in zip(joint(features), layers, strict=True):
        np.testing.assert_allclose(found, layer(features), rtol=1e-5, atol=1e-6)
    layers[0].activity_regularizer = keras.regularizers.L2(0.1)
    joint(features)
    assert len(joint.losses) == 1
    layers[0].activity_regularizer = None
    layers[2].quantize("int8")
    for found, layer in zip(joint(features), layers, strict=True):
        np.testing.assert_allclose(found, layer(features), rtol=1e-6)
