"""ModernBERT and EuroBERT: read as `transformers` reads them, in windows, in any precision."""

import json
import logging

import keras
import keras_hub
import numpy as np
import pytest
from keras import ops

from mtc_keras.model.backbones.eurobert_backbone import EuroBertBackbone
from mtc_keras.model.backbones.families import FAMILIES
from mtc_keras.model.backbones.folders import form_problems
from mtc_keras.model.backbones.hugging_face import load_encoder
from mtc_keras.model.backbones.layers import enable_lora, freeze, layer_depths, num_layers
from mtc_keras.model.backbones.modernbert import backbone_config
from mtc_keras.model.backbones.modernbert_backbone import ModernBertBackbone
from mtc_keras.model.backbones.rotary_layers import RotaryPositions
from tests.fixtures import BACKBONES, expected, fixture

NAMES = ["modernbert", "modernbert_gemma", "modernbert_word_pieces", "eurobert"]
GLOBAL, LOCAL = "full_attention", "sliding_attention"


def described(name: str, **changes) -> dict:
    return {**json.loads((BACKBONES / name / "config.json").read_text("utf-8")), **changes}


def tiny(**changes) -> ModernBertBackbone:
    keras.utils.set_random_seed(0)
    sizes = {"vocabulary_size": 30, "num_layers": 4, "num_heads": 2, "hidden_dim": 16}
    return ModernBertBackbone(
        **{**sizes, "intermediate_dim": 24, "local_attention_window": 8, **changes}
    )


def inputs_of(lengths: list[int]) -> dict[str, np.ndarray]:
    """Returns token ids and padding mask of texts of some lengths."""
    mask = np.arange(max(lengths)) < np.array(lengths)[:, None]
    ids = np.random.default_rng(0).integers(1, 30, mask.shape)
    return {"token_ids": np.where(mask, ids, 0), "padding_mask": mask.astype("int32")}


@pytest.mark.parametrize("name", NAMES)
def test_states_are_those_of_transformers(name, tmp_path):
    folder = str(fixture(name, tmp_path))
    backbone, notes = load_encoder(folder, described(name), load_weights=True, options={})
    assert not notes
    ids, mask = expected(name).padded_batch()
    found = backbone.predict({"token_ids": ids, "padding_mask": mask.astype("int32")}, verbose=0)
    np.testing.assert_allclose(found[mask], np.concatenate(expected(name).states), atol=1e-4)
    again = type(backbone).from_config(backbone.get_config())
    again.set_weights(backbone.get_weights())
    same = again.predict({"token_ids": ids, "padding_mask": mask.astype("int32")}, verbose=0)
    np.testing.assert_array_equal(found, same)


# === What a config.json says ===


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({}, (160_000, 10_000)),
        ({"global_rope_theta": 500, "local_rope_theta": 70.5}, (500, 70.5)),
        ({"global_rope_theta": 500, "local_rope_theta": None}, (500, 500)),
        ({"rope_parameters": {GLOBAL: {"rope_theta": 300}}, "local_rope_theta": 7}, (300, 7)),
        ({"rope_parameters": {LOCAL: {"rope_theta": 3, "rope_type": "default"}}}, (160_000, 3)),
    ],
)
def test_wavelengths_are_read_as_transformers_4_and_5_write_them(said, wanted):
    config = described("modernbert")
    del config["global_rope_theta"], config["local_rope_theta"]
    found = backbone_config({**config, **said})
    assert (found["global_max_wavelength"], found["local_max_wavelength"]) == wanted


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({}, 3),
        ({"global_attn_every_n_layers": 2}, 2),
        ({"layer_types": [GLOBAL, LOCAL, GLOBAL, LOCAL], "global_attn_every_n_layers": 3}, 2),
        ({"layer_types": [GLOBAL] * 4}, 1),
        ({"layer_types": [GLOBAL, LOCAL, LOCAL, LOCAL]}, 4),
    ],
)
def test_layers_that_read_the_whole_text_are_those_of_the_config(said, wanted):
    found = backbone_config(described("modernbert", **said))
    assert found["global_attention_every_n_layers"] == wanted


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("modernbert", "layer_types", [LOCAL, GLOBAL, LOCAL, LOCAL]),
        ("modernbert", "layer_types", [GLOBAL, LOCAL]),
        ("modernbert", "rope_parameters", {GLOBAL: {"rope_type": "yarn", "rope_theta": 1e4}}),
        ("modernbert", "rope_parameters", [1]),
        ("modernbert", "rope_scaling", {"type": "linear", "factor": 2.0}),
        ("modernbert", "global_rope_theta", -1),
        ("modernbert", "global_attn_every_n_layers", 0),
        ("modernbert", "hidden_activation", "xielu"),
        ("modernbert", "norm_bias", "no"),
        ("modernbert", "num_attention_heads", 16),
        ("eurobert", "rope_theta", None),
        ("eurobert", "head_dim", 8),
        ("eurobert", "clip_qkv", 3.0),
        ("eurobert", "num_key_value_heads", 3),
    ],
)
def test_a_form_that_is_not_computed_is_refused_by_its_key(name, key, value):
    [problem] = form_problems(described(name, **{key: value}))
    shown = "heads of attention" if key == "num_attention_heads" else key
    assert shown in problem and "config.json" in problem


def test_a_huge_number_of_layers_is_refused_in_a_moment():
    changes = {"num_hidden_layers": 10**15, "layer_types": [GLOBAL, LOCAL, LOCAL]}
    [problem] = form_problems(described("modernbert", **changes))
    assert "layer_types" in problem


def test_dropouts_that_differ_are_told():
    config = described("modernbert", mlp_dropout=0.2, attention_dropout=0.1, embedding_dropout=0.2)
    backbone, [note] = load_encoder("", config, load_weights=False, options={})
    assert backbone.dropout == 0.2 and "attention_dropout 0.1" in note


def test_biases_are_there_where_the_config_has_them():
    said = {"norm_bias": True, "attention_bias": True, "mlp_bias": True}
    plain, _ = load_encoder("", described("modernbert"), load_weights=False, options={})
    biased, _ = load_encoder("", described("modernbert", **said), load_weights=False, options={})
    layers = 4
    # Three norms outside the layers' own four projections, three dense layers and two norms.
    assert len(biased.weights) - len(plain.weights) == layers * (4 + 3 + 2) - 1 + 2


def test_kerashubs_own_backbone_is_taken_as_soon_as_there_is_one(monkeypatch):
    class ModernBertBackbone:
        pass

    def from_preset(preset, **options):
        return preset, options

    monkeypatch.setattr(keras_hub.models, "ModernBertBackbone", ModernBertBackbone, raising=False)
    monkeypatch.setattr(keras_hub.models.Backbone, "from_preset", from_preset)
    loaded = load_encoder("there", described("modernbert"), load_weights=False, options={})
    assert loaded == (("there", {"load_weights": False}), [])
    assert FAMILIES["eurobert"].gives_way_to == ""


# === As a backbone ===


def test_a_token_reads_its_window_alone_in_local_layers():
    backbone = tiny(num_layers=2, global_attention_every_n_layers=2)
    backbone.transformer_layers[0].attention.output_dense.kernel.assign(np.zeros((2, 8, 16)))
    inputs = inputs_of([40])
    before = np.asarray(backbone(inputs))
    inputs["token_ids"][0, 20] = 29 - inputs["token_ids"][0, 20]
    moved = np.abs(np.asarray(backbone(inputs)) - before).max(axis=-1)[0] > 1e-6
    assert np.flatnonzero(moved).tolist() == list(range(16, 25))


def test_padding_and_neighbours_in_a_batch_change_nothing():
    backbone, inputs = tiny(num_layers=2), inputs_of([37, 5])
    together = np.asarray(backbone(inputs))
    for row, length in enumerate([37, 5]):
        alone = {name: array[row : row + 1, :length] for name, array in inputs.items()}
        np.testing.assert_allclose(
            np.asarray(backbone(alone))[0], together[row, :length], atol=1e-5
        )


def test_positions_keep_their_digits_in_bfloat16():
    layer = RotaryPositions(160_000.0, dtype="bfloat16")
    states = np.ones((1, 8000, 1, 64), "float32")
    found = np.asarray(ops.cast(layer(states), "float32"))[0, :, 0]
    angles = np.arange(8000)[:, None] * 160_000.0 ** -(np.arange(0, 64, 2) / 64)
    exact = np.concatenate([np.cos(angles) - np.sin(angles), np.cos(angles) + np.sin(angles)], -1)
    np.testing.assert_allclose(found, exact, atol=1e-2)


def test_mixed_precision_is_close_to_full_precision():
    full = tiny(num_layers=2)
    half = tiny(num_layers=2, dtype="mixed_bfloat16")
    half.set_weights(full.get_weights())
    inputs = inputs_of([37, 5])
    found = np.asarray(ops.cast(half(inputs), "float32"))
    assert np.abs(found - np.asarray(full(inputs))).mean() < 0.02


def test_layers_freeze_by_depth_and_take_low_rank_updates():
    backbone = tiny()
    depths = layer_depths(backbone)
    assert num_layers(depths) == 4
    freeze(backbone, 1)
    trained = {depths[layer] for layer in backbone.layers if layer.trainable_variables}
    assert trained == {2, 3, 4, 5}
    enable_lora(backbone, 2)
    paths = [variable.path for variable in backbone.trainable_variables]
    assert len(paths) == 4 * 2 * 2 and all("lora_kernel" in path for path in paths)
    assert {path.split("/")[-2] for path in paths} == {"query", "value"}


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        (ModernBertBackbone, {"num_heads": 3}),
        (ModernBertBackbone, {"num_heads": 16}),
        (EuroBertBackbone, {"num_heads": 4, "num_key_value_heads": 3}),
        (EuroBertBackbone, {"num_heads": 4, "num_key_value_heads": 10**12}),
    ],
)
def test_heads_that_do_not_fit_are_refused_before_any_weight_is_made(kind, sizes):
    with pytest.raises(ValueError, match="must be a multiple of"):
        kind(vocabulary_size=5, num_layers=1, hidden_dim=16, intermediate_dim=8, **sizes)


def test_dropout_is_for_training_alone():
    backbone, inputs = tiny(num_layers=2, dropout=0.5), inputs_of([20])
    still = [np.asarray(backbone(inputs, training=False)) for _ in range(2)]
    moved = [np.asarray(backbone(inputs, training=True)) for _ in range(2)]
    np.testing.assert_array_equal(*still)
    assert np.abs(moved[0] - moved[1]).max() > 1e-3


@pytest.mark.slow
def test_eight_thousand_tokens_are_read_and_learnt_from(caplog):
    import jax

    backbone = tiny(num_layers=3, local_attention_window=128)
    inputs = inputs_of([8192])
    variables = [variable.value for variable in backbone.trainable_variables]
    rest = [variable.value for variable in backbone.non_trainable_variables]

    def loss(trained):
        states, _ = backbone.stateless_call(trained, rest, inputs, training=True)
        return ops.mean(states**2)

    with caplog.at_level(logging.WARNING):
        compiled = jax.jit(jax.value_and_grad(loss)).lower(variables).compile()
        _, gradients = compiled(variables)
    assert all(np.isfinite(np.asarray(gradient)).all() for gradient in gradients)
    # One layer's scores of all tokens by all others would be 512 MiB of float32 alone.
    assert compiled.memory_analysis().temp_size_in_bytes < 512 * 2**20
    assert not caplog.records
