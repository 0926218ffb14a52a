"""DeBERTa-v2 and v3: every form that a config.json describes, as `transformers` computes it."""

import json

import keras
import keras_hub
import numpy as np
import pytest

from mtc_keras.model.backbones.deberta import backbone_config
from mtc_keras.model.backbones.deberta_attention import position_rows
from mtc_keras.model.backbones.deberta_backbone import DebertaBackbone
from mtc_keras.model.backbones.hugging_face import load_encoder
from mtc_keras.model.backbones.layers import enable_lora, freeze, layer_depths
from tests.fixtures.deberta_forms import FORMS, V3, deberta_form, expected_states, padded_ids

pytestmark = [
    # Keras 3.15: saving a JAX variable calls `np.array`, which NumPy 2 wants a `copy` for.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy"),
]
TINY = {
    "vocabulary_size": 40,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 24,
    "max_sequence_length": 48,
    "bucket_size": 8,
}


def batch() -> dict[str, np.ndarray]:
    ids, mask = padded_ids()
    return {"token_ids": ids.astype("int32"), "padding_mask": mask.astype("int32")}


def load(name, tmp_path, **options):
    folder = deberta_form(name, tmp_path)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return load_encoder(str(folder), config, load_weights=True, options=options)


@pytest.mark.parametrize("name", FORMS)
def test_states_are_those_of_transformers(name, tmp_path):
    backbone, notes = load(name, tmp_path)
    found = np.asarray(backbone(batch()))[padded_ids()[1]]
    np.testing.assert_allclose(found, expected_states(name), atol=1e-4)
    unread = "3 weights" if name == "no attention type" else ""
    assert bool(unread) == bool(notes)
    assert unread in "".join(notes)


def test_a_text_has_the_same_states_whatever_it_is_padded_to(tmp_path):
    backbone, _ = load("convolution", tmp_path)
    whole = np.asarray(backbone(batch()))
    alone = np.asarray(backbone({name: x[1:2, :14] for name, x in batch().items()}))
    np.testing.assert_allclose(alone[0], whole[1, :14], atol=1e-5)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("attention_head_size", 4),
        ("position_buckets", 1),
        ("position_buckets", 100),
        ("conv_kernel_size", 4),
        ("pos_att_type", "p2p"),
        ("pos_att_type", 3),
        ("norm_rel_ebd", "rms"),
        ("hidden_act", "snake"),
        ("num_attention_heads", 3),
        ("hidden_size", "16"),
    ],
)
def test_a_form_that_is_not_computed_is_refused_by_its_key(key, value):
    with pytest.raises(ValueError, match=key):
        backbone_config({**V3, key: value})


@pytest.mark.parametrize("key", ["max_relative_positions", "position_buckets", "conv_kernel_size"])
def test_sizes_that_would_take_any_memory_are_refused_before_anything_is_made(key, tmp_path):
    folder = deberta_form("no buckets", tmp_path)
    config = {**FORMS["no buckets"], "max_relative_positions": 10**6, key: 1_900_001}
    with pytest.raises(ValueError, match=r"less than or equal to 1048576"):
        load_encoder(str(folder), config, load_weights=True, options={})


def test_defaults_are_those_of_transformers():
    sizes = {key: value for key, value in V3.items() if key.endswith("size") or "num" in key}
    found = DebertaBackbone(**backbone_config({**sizes, "intermediate_size": 24}))
    config = found.get_config()
    assert config["layer_norm_epsilon"] == 1e-7
    assert config["max_sequence_length"] == 512
    assert config["absolute_positions"]
    assert not config["relative_attention"]


def test_far_distances_share_a_row_and_near_ones_have_their_own():
    rows = position_rows(np.arange(-700, 701), bucket_size=256, furthest=512)
    assert rows.min() == 0
    assert rows.max() == 511
    assert (np.diff(rows) >= 0).all()
    near = np.arange(-128, 129)
    np.testing.assert_array_equal(position_rows(near, 256, 512), near + 256)
    # As He et al. number them; by transformers, too.
    np.testing.assert_array_equal(
        position_rows(np.array([129, 200, 511]), 256, 512) - 256, [129, 169, 255]
    )
    np.testing.assert_array_equal(position_rows(np.array([-30, 5, 30]), 0, 20), [0, 25, 39])


def test_it_computes_what_keras_hubs_backbone_does():
    own = DebertaBackbone(**TINY)
    stock = keras_hub.models.DebertaV3Backbone(**TINY)
    rng = np.random.default_rng(0)
    for variable in own.variables:
        variable.assign(rng.normal(0.1, 0.3, variable.shape))
    theirs = {"embeddings": stock.token_embedding, "positions": stock.relative_embeddings}
    theirs["embeddings"].embeddings.assign(own.token_embedding.embeddings)
    stock.embeddings_layer_norm.set_weights(own.embeddings_layer_norm.get_weights())
    stock.relative_embeddings.set_weights(own.relative_positions.get_weights())
    for one, other in zip(own.transformer_layers, stock.transformer_layers, strict=True):
        attention, theirs_ = one.attention, other._self_attention_layer
        for ours, layer in (
            (attention.query, theirs_._query_dense),
            (attention.key, theirs_._key_dense),
            (attention.value, theirs_._value_dense),
            (attention.output_projection, theirs_._output_dense),
            (one.attention_layer_norm, other._self_attention_layer_norm),
            (one.intermediate_dense, other._feedforward_intermediate_dense),
            (one.output_dense, other._feedforward_output_dense),
            (one.output_layer_norm, other._feedforward_layer_norm),
        ):
            layer.set_weights(ours.get_weights())
    mask = padded_ids()[1]
    found, wanted = np.asarray(own(batch()))[mask], np.asarray(stock(batch()))[mask]
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_presets_and_keras_files_keep_it_whole(tmp_path):
    (tmp_path / "form").mkdir()
    backbone, _ = load("convolution", tmp_path / "form")
    wanted = np.asarray(backbone(batch()))
    backbone.save_to_preset(str(tmp_path / "preset"))
    backbone.save(tmp_path / "model.keras")
    for other in (
        keras_hub.models.Backbone.from_preset(str(tmp_path / "preset")),
        keras.saving.load_model(tmp_path / "model.keras"),
    ):
        np.testing.assert_array_equal(np.asarray(other(batch())), wanted)


def test_half_precision_stays_near_and_every_weight_has_a_gradient(tmp_path):
    (tmp_path / "form").mkdir()
    exact, _ = load("convolution", tmp_path / "form")
    half, _ = load("convolution", tmp_path / "form", dtype="mixed_bfloat16", dropout=0.1)
    mask = padded_ids()[1]
    found = np.asarray(half(batch())).astype("float32")[mask]
    np.testing.assert_allclose(found, np.asarray(exact(batch()))[mask], atol=0.3)
    model = keras.Model(half.input, keras.layers.Dense(2, dtype="float32")(half.output[:, 0]))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    before = [np.asarray(variable) for variable in half.trainable_variables]
    model.train_on_batch(batch(), np.ones((3, 2), "float32"))
    for variable, old in zip(half.trainable_variables, before, strict=True):
        new = np.asarray(variable)
        assert np.isfinite(new).all()
        # Softmax takes no notice of what all keys have in common.
        assert (new != old).any() or variable.path.endswith("key/bias"), variable.path


def test_layers_are_frozen_and_low_rank_by_their_depth():
    backbone = DebertaBackbone(**TINY, convolution_size=3)
    depths = {layer.name: depth for layer, depth in layer_depths(backbone).items()}
    assert depths["relative_positions"] == 0
    assert depths["transformer_layer_1"] == 2
    freeze(backbone, 1)
    frozen = [layer.name for layer in backbone.layers if not layer.trainable]
    assert frozen[-2:] == ["relative_positions", "transformer_layer_0"]
    other = DebertaBackbone(**TINY)
    enable_lora(other, 2)
    assert {variable.path.split("/")[-2] for variable in other.trainable_variables} >= {"query"}
