"""Checkpoints of Hugging Face: whatever their weights are called, read whole or refused."""

import json
import re
import shutil
from pathlib import Path

import keras
import keras_hub
import ml_dtypes
import numpy as np
import pytest
from keras_hub.src.utils import preset_utils
from safetensors.numpy import load_file, save_file

from mtc_keras.config import ModelConfig, check_config
from mtc_keras.data.reading import read_splits
from mtc_keras.errors import ConfigError
from mtc_keras.model.backbones import as_trained
from mtc_keras.model.backbones.as_trained import BUILT_IN, activation_named
from mtc_keras.model.backbones.described import ACTIVATIONS
from mtc_keras.model.backbones.families import FAMILIES, INSTEAD
from mtc_keras.model.backbones.folders import form_problems
from mtc_keras.model.backbones.hugging_face import load_encoder
from mtc_keras.model.backbones.layers import enable_lora, freeze, layer_depths, num_layers
from mtc_keras.model.backbones.loading import load_backbone
from mtc_keras.model.backbones.names import check_backbone
from mtc_keras.model.building import build_model
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.tasks import Regression
from tests.fixtures import expected, fixture

pytestmark = [
    # Keras 3.15: saving a JAX variable calls `np.array`, which NumPy 2 wants a `copy` for.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy"),
]
# One checkpoint per way in which layers are made.
FORMS = ["bert", "electra", "camembert_v2", "xlm_roberta", "distilbert", "albert"]


def load(folder: Path, **changes):
    """Returns the backbone of a folder whose config.json says something else, and the notes."""
    config = {**json.loads((folder / "config.json").read_text("utf-8")), **changes}
    return load_encoder(str(folder), config, load_weights=True, options={})


def described(name: str, tmp_path: Path, **changes) -> dict:
    path = fixture(name, tmp_path) / "config.json"
    return {**json.loads(path.read_text("utf-8")), **changes}


def rewrite(folder: Path, change) -> dict[str, np.ndarray]:
    """Replaces the weights of a folder by what `change` makes of them; returns the old ones."""
    before = load_file(folder / "model.safetensors")
    save_file(change(dict(before)), folder / "model.safetensors")
    return before


def states(backbone, name: str) -> np.ndarray:
    """Returns the last hidden states of a fixture's batch at the tokens that are no padding."""
    ids, mask = expected(name).padded_batch()
    inputs = {"token_ids": ids, "padding_mask": mask.astype("int32")}
    if "segment_ids" in backbone.input:
        inputs["segment_ids"] = np.zeros_like(ids)
    outputs = backbone.predict(inputs, verbose=0)
    found = outputs["sequence_output"] if isinstance(outputs, dict) else outputs
    return found[mask]


# === Names and forms of weights ===


def as_bare(tensors):
    return {name.removeprefix("bert."): tensor for name, tensor in tensors.items()}


def as_of_a_larger_model(tensors):
    return {f"model.text.{name}": tensor for name, tensor in as_bare(tensors).items()}


def with_norms_called(*names):
    """Returns what gives the scales and offsets of layer norms other names."""

    def change(tensors):
        for old, new in zip(("weight", "bias", "gamma", "beta"), names * 2, strict=True):
            old, new = f"LayerNorm.{old}", f"LayerNorm.{new}"
            tensors = {name.replace(old, new): tensor for name, tensor in tensors.items()}
        return tensors

    return change


OLD, NEW = with_norms_called("gamma", "beta"), with_norms_called("weight", "bias")


@pytest.mark.parametrize("change", [as_bare, as_of_a_larger_model, OLD, NEW])
def test_weights_are_found_by_any_name_that_they_may_have(change, tmp_path):
    folder = fixture("bert", tmp_path)
    before, _ = load(folder)
    rewrite(folder, change)
    after, notes = load(folder)
    assert not notes
    for one, other in zip(before.get_weights(), after.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_weights_of_half_precision_are_read_as_they_are_stored(dtype, tmp_path):
    folder = fixture("camembert_v2", tmp_path)
    before, _ = load(folder)
    rewrite(folder, lambda tensors: {name: x.astype(dtype) for name, x in tensors.items()})
    after, _ = load(folder)
    kernels = [b.transformer_layers[1]._feedforward_output_dense.kernel for b in (before, after)]
    rounded = np.asarray(kernels[0]).astype(dtype).astype("float32")
    np.testing.assert_array_equal(np.asarray(kernels[1]), rounded)


def test_weights_in_several_files_are_one_checkpoint(tmp_path):
    folder = fixture("roberta", tmp_path)
    before, _ = load(folder)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    parts: dict[str, dict[str, np.ndarray]] = {}
    for number, (name, tensor) in enumerate(sorted(tensors.items())):
        parts.setdefault(f"model-{number % 2 + 1}-of-2.safetensors", {})[name] = tensor
    for file, part in parts.items():
        save_file(part, folder / file)
    index = {"weight_map": {name: file for file, part in parts.items() for name in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    after, notes = load(folder)
    assert not notes
    for one, other in zip(before.get_weights(), after.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_hubs_name_is_read_as_its_folder(tmp_path, monkeypatch):
    folder = fixture("bert", tmp_path)
    asked = []

    def download(repo_id, filename):
        asked.append((repo_id, filename))
        if not (folder / filename).exists():
            raise preset_utils.EntryNotFoundError(filename)
        return str(folder / filename)

    monkeypatch.setattr(preset_utils.huggingface_hub, "hf_hub_download", download)
    loaded = load_backbone(ModelConfig(backbone="hf://someone/bert", max_length=16))
    assert ("someone/bert", "model.safetensors") in asked
    wanted = np.concatenate(expected("bert").states)
    np.testing.assert_allclose(states(loaded.backbone, "bert"), wanted, atol=1e-4)


# === What is missing, drawn, left out ===


def test_a_pooler_that_is_missing_is_drawn_and_told(tmp_path):
    backbone, (note,) = load(fixture("bert_bare_no_pooler", tmp_path), initializer_range=0.5)
    assert note.startswith("the checkpoint has no pooler")
    kernel, bias = (np.asarray(x) for x in backbone.pooled_dense.weights)
    assert 0.4 < kernel.std() < 0.6
    assert not bias.any()


def test_all_weights_that_are_missing_or_of_another_shape_are_told_at_once(tmp_path):
    folder = fixture("bert", tmp_path)
    gone = "bert.encoder.layer.1.output.dense.bias"

    def change(tensors):
        del tensors[gone]
        return {**tensors, "bert.encoder.layer.2.intermediate.dense.weight": np.zeros((3, 5), "f4")}

    rewrite(folder, change)
    with pytest.raises(
        ValueError, match=r"encoder\.layer\.1\.output\.dense\.bias is missing"
    ) as caught:
        load(folder)
    assert "encoder.layer.2.intermediate.dense.weight is 3 × 5" in str(caught.value)
    with pytest.raises(ValueError, match="and 13 more"):
        load(folder, num_hidden_layers=4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: {"a": np.zeros(2, "f4")}, "not those of BERT: embeddings.word_embeddings"),
        (
            lambda x: {f"{side}.{name}": w for side in "ab" for name, w in as_bare(x).items()},
            r"of several encoders: a\.embeddings\.word_embeddings\.weight, b\.",
        ),
    ],
)
def test_weights_of_something_else_are_refused(change, message, tmp_path):
    folder = fixture("bert", tmp_path)
    rewrite(folder, change)
    with pytest.raises(ValueError, match=message):
        load(folder)


def test_weights_of_the_encoder_that_nobody_reads_are_told_and_those_of_heads_not(tmp_path):
    folder = fixture("bert", tmp_path)
    assert any(name.startswith("cls.") for name in load_file(folder / "model.safetensors"))
    assert not load(folder)[1]
    extra = {"bert.encoder.adapter.weight": np.zeros(2, "f4")}
    rewrite(folder, lambda tensors: tensors | extra)
    (note,) = load(folder)[1]
    assert note.startswith("1 weight of the checkpoint's encoder would not be read")
    assert note.endswith("encoder.adapter.weight first")
    assert load(folder, num_hidden_layers=2)[1][0].startswith("17 weights")


def test_two_dropouts_are_told_unless_the_config_sets_one(tmp_path):
    folder = fixture("bert", tmp_path)
    backbone, (note,) = load(folder, attention_probs_dropout_prob=0.3, hidden_dropout_prob=0.2)
    assert "hidden_dropout_prob 0.2 and attention_probs_dropout_prob 0.3" in note
    assert backbone.dropout == 0.2
    config = {**json.loads((folder / "config.json").read_text()), "hidden_dropout_prob": 0.2}
    backbone, notes = load_encoder(
        str(folder), config, load_weights=False, options={"dropout": 0.4}
    )
    assert not notes
    assert backbone.dropout == 0.4


def test_notes_reach_the_one_who_loads(tmp_path, caplog):
    folder = fixture("bert_bare_no_pooler", tmp_path)
    loaded = load_backbone(ModelConfig(backbone=str(folder), max_length=16))
    (note,) = [note for note in loaded.notes if "pooler" in note]
    assert note.startswith(f"{folder}: the checkpoint has no pooler")
    model = MultiTaskClassifier.from_preset(str(folder), tasks=[Regression(name="x")], max_length=8)
    assert note in caplog.messages
    assert model.preprocessor.sequence_length == 8
    rows = [{"text": text, "mood": "ab"[len(text) % 2]} for text in ("good", "bad bus", "late")]
    tasks = {"mood": {"kind": "multiclass"}}
    config = check_config({"tasks": tasks, "model": {"backbone": str(folder), "max_length": 16}})
    built = build_model(config, read_splits(config, {"train": rows}))
    assert note in built.notes


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


# === Forms that are not computed here ===


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("bert", {"position_embedding_type": "relative_key"}, "position_embedding_type is 'rel"),
        ("xlm_roberta", {"is_decoder": True}, "is_decoder is True"),
        ("electra", {"add_cross_attention": True}, "add_cross_attention is True"),
        ("distilbert", {"pruned_heads": {"0": [1]}}, "pruned_heads is {'0': [1]}"),
        ("bert", {"quantization_config": {"bits": 4}}, "quantization_config is {'bits': 4}"),
        ("bert", {"hidden_act": "quick_gelu"}, "hidden_act is 'quick_gelu', an activation that"),
        ("distilbert", {"activation": 3}, "activation is 3"),
        ("bert", {"num_attention_heads": 3}, "hidden_size (16) must be a multiple of"),
        ("distilbert", {"n_heads": 0}, "dim (16) must be a multiple of n_heads (0)"),
        ("albert", {"num_hidden_groups": 2}, "num_hidden_layers (3) must be a multiple of"),
        ("roberta", {"hidden_size": None, "vocab_size": None}, "lacks vocab_size, hidden_size"),
        ("roberta", {"pad_token_id": -1}, "pad_token_id is -1, and no whole number"),
        ("camembert", {"layer_norm_eps": "tiny"}, "layer_norm_eps is 'tiny', and no number"),
        ("bert", {"auto_map": {"AutoModel": "jina--code.Bert"}}, "its own code (auto_map"),
    ],
)
def test_a_form_that_is_not_computed_is_refused_by_its_key(name, changes, message, tmp_path):
    (problem,) = form_problems(described(name, tmp_path, **changes))
    assert message in problem


def test_a_folder_says_all_that_is_wrong_with_it_at_once(tmp_path):
    folder = fixture("bert", tmp_path)
    config = {**json.loads((folder / "config.json").read_text()), "is_decoder": True}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").unlink()
    (folder / "tokenizer.json").unlink(missing_ok=True)
    shutil.move(folder / "model.safetensors", folder / "pytorch_model.bin")
    with pytest.raises(ConfigError) as caught:
        check_backbone(ModelConfig(backbone=str(folder), max_length=16))
    message = str(caught.value)
    assert "is_decoder is True" in message
    assert "vocab.txt" in message
    assert "pytorch_model.bin is never opened" in message
    assert ".save_pretrained(" in message


def test_a_file_with_fewer_positions_than_the_padding_takes_is_refused(tmp_path):
    folder = fixture("roberta", tmp_path)
    config = {**json.loads((folder / "config.json").read_text()), "max_position_embeddings": 2}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="max_length: 16 is above the 0 tokens"):
        check_backbone(ModelConfig(backbone=str(folder), max_length=16))


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
