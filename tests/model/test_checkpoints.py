"""Checkpoints of Hugging Face: whatever their weights are called, read whole or refused."""

import json
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from keras_hub.src.utils import preset_utils
from safetensors.numpy import load_file, save_file

from mtc_keras.config import ModelConfig, check_config
from mtc_keras.data.reading import read_splits
from mtc_keras.model.backbones.hugging_face import load_encoder
from mtc_keras.model.backbones.loading import load_backbone
from mtc_keras.model.building import build_model
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.tasks import Regression
from tests.fixtures import expected, fixture
from tests.model.checkpoints import load, states

# Keras 3.15: saving a JAX variable calls `np.array`, which NumPy 2 wants a `copy` for.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")


def rewrite(folder: Path, change) -> dict[str, np.ndarray]:
    """Replaces the weights of a folder by what `change` makes of them; returns the old ones."""
    before = load_file(folder / "model.safetensors")
    save_file(change(dict(before)), folder / "model.safetensors")
    return before


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
