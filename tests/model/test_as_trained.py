"""Backbones as their checkpoints were trained, and every family trained as every other."""

import re

import keras
import keras_hub
import numpy as np
import pytest

from mtc_keras.model.backbones import as_trained
from mtc_keras.model.backbones.as_trained import BUILT_IN, activation_named
from mtc_keras.model.backbones.described import ACTIVATIONS
from mtc_keras.model.backbones.families import FAMILIES, INSTEAD
from mtc_keras.model.backbones.hugging_face import load_encoder
from mtc_keras.model.backbones.layers import enable_lora, freeze, layer_depths, num_layers
from tests.fixtures import fixture
from tests.model.checkpoints import FORMS, described, load, states

# Keras 3.15: saving a JAX variable calls `np.array`, which NumPy 2 wants a `copy` for.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")


# === Activation and epsilon ===


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_keras_hubs_classes_have_built_in(name):
    sizes = {"num_layers": 1, "num_heads": 1, "hidden_dim": 4, "intermediate_dim": 4}
    sizes |= {"embedding_dim": 4} if name == "AlbertBackbone" else {}
    backbone = getattr(keras_hub.models, name)(vocabulary_size=9, **sizes)
    function, epsilon = BUILT_IN[name]
    layer = next(layer for layer in backbone.layers if layer.name.endswith("layer_0"))
    x = np.linspace(-4, 4, 99, dtype="float32")
    found = layer._feedforward_intermediate_dense.activation(x)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(function(x)))
    norms = [part for part in backbone._flatten_layers() if hasattr(part, "epsilon")]
    assert len(norms) == 3
    assert {norm.epsilon for norm in norms} == {epsilon}


@pytest.mark.parametrize("name", ["electra", "camembert_v2"])
def test_a_backbone_as_trained_is_saved_as_such(name, tmp_path):
    folder = fixture(name, tmp_path)
    backbone, _ = load(folder, hidden_act="silu")
    assert type(backbone).__module__ == as_trained.__name__
    assert (backbone.activation, backbone.layer_norm_epsilon > 0) == ("silu", True)
    wanted = states(backbone, name)
    backbone.save_to_preset(str(tmp_path / "preset"))
    backbone.save(tmp_path / "model.keras")
    loaded = keras_hub.models.Backbone.from_preset(str(tmp_path / "preset"))
    for again in (loaded, keras.saving.load_model(tmp_path / "model.keras")):
        assert again.get_config() == backbone.get_config()
        np.testing.assert_array_equal(states(again, name), wanted)


def test_every_activation_of_a_config_is_one_that_keras_has():
    x = np.linspace(-4, 4, 9, dtype="float32")
    for name in ACTIVATIONS.values():
        assert np.isfinite(np.asarray(activation_named(name)(x))).all()
    with pytest.raises(ValueError, match="activation is 'load_model'"):
        activation_named("load_model")


# === Every family trains as every other ===


@pytest.mark.parametrize("name", FORMS)
def test_layers_of_every_family_freeze_by_depth(name, tmp_path):
    config = described(name, tmp_path)
    if name == "albert":
        config |= {"num_hidden_groups": 3}
    backbone, _ = load_encoder("", config, load_weights=False, options={})
    depths = layer_depths(backbone)
    assert num_layers(depths) == 3
    freeze(backbone, 1)
    trained = {depths[layer] for layer in backbone.layers if layer.trainable_variables}
    assert trained in ({2, 3}, {2, 3, 4})


@pytest.mark.parametrize("name", FORMS)
def test_low_rank_updates_of_every_family_learn(name, tmp_path):
    backbone, _ = load_encoder("", described(name, tmp_path), load_weights=False, options={})
    enable_lora(backbone, 2)
    outputs = backbone.output
    sequence = outputs["sequence_output"] if isinstance(outputs, dict) else outputs
    model = keras.Model(backbone.input, keras.layers.Dense(1)(sequence[:, 0]))
    before = [np.asarray(variable) for variable in backbone.variables]
    model.compile(keras.optimizers.SGD(1.0), "mse")
    ones = np.ones((2, 4), "int32")
    model.train_on_batch(dict.fromkeys(backbone.input, ones), np.ones((2, 1)))
    moved = [
        variable.path
        for variable, old in zip(backbone.variables, before, strict=True)
        if "seed" not in variable.path and not np.array_equal(np.asarray(variable), old)
    ]
    assert any("lora_kernel" in path for path in moved)
    # Keras leaves the biases of layers with updates as trainable as they were.
    others = [path for path in moved if not re.search("(query|value)/(lora_kernel_|bias)", path)]
    assert others == []


def test_no_family_that_is_read_is_refused_with_another():
    assert not FAMILIES.keys() & INSTEAD.keys()
