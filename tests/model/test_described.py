"""What a config.json may say: forms that are computed, others refused by their key."""

import json
import shutil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.config import ModelConfig
from mtc_keras.errors import ConfigError
from mtc_keras.model.backbones.folders import described_limit, form_problems
from mtc_keras.model.backbones.names import check_backbone
from tests.fixtures import BACKBONES, fixture
from tests.fuzzing import tries
from tests.model.checkpoints import FORMS, described


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


SIMPLE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SIMPLE, lambda x: st.lists(x, max_size=2) | st.dictionaries(st.text(), x)
)
CONFIGS = [json.loads((BACKBONES / name / "config.json").read_text("utf-8")) for name in FORMS]


@tries(200)
@given(st.data())
def test_a_config_of_any_values_is_read_or_refused_fuzz(data):
    config = dict(data.draw(st.sampled_from(CONFIGS)))
    keys = st.sampled_from(
        [*sorted(config), "auto_map", "quantization_config", "num_hidden_groups"]
    )
    config |= data.draw(st.dictionaries(keys, VALUES, min_size=1, max_size=3))
    try:
        limit = described_limit(config, "model.backbone: 'x'")
        problems = form_problems(config)
    except ConfigError as error:
        assert str(error).startswith("model.backbone: 'x'")
        return
    assert limit is None or type(limit) is int
    assert all(problem and "\n" not in problem for problem in problems)


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
    with pytest.raises(ConfigError, match=r"\(2\) must be above the 2 rows that pad"):
        check_backbone(ModelConfig(backbone=str(folder), max_length=16))
