"""A cut checkpoint as a backbone: the same states of the texts that it was cut for."""

import numpy as np
import pytest

from mtc_keras import shrink_vocab
from mtc_keras.config import ModelConfig
from mtc_keras.model.backbones.loading import load_backbone
from tests.fixtures import fixture
from tests.fixtures.texts import TEXTS
from tests.shrink.test_shrinking import GIVEN, write_texts


def states(folder):
    """Returns the states of the texts' tokens, and how many of each text there are."""
    loaded = load_backbone(ModelConfig(backbone=str(folder), max_length=24))
    inputs = loaded.preprocessor([TEXTS[name] for name in GIVEN])
    output = loaded.backbone.predict(inputs, verbose=0)
    mask = np.asarray(inputs["padding_mask"], bool)
    found = output["sequence_output"] if isinstance(output, dict) else output
    return found[mask], mask.sum(axis=1)


@pytest.mark.parametrize("name", ["bert_sentencepiece", "camembert", "deberta_v3", "bert"])
def test_states_of_the_given_texts_are_those_of_the_whole_model(name, tmp_path):
    whole = fixture(name, tmp_path)
    shrink_vocab(whole, write_texts(tmp_path / "a.jsonl"), tmp_path / "cut")
    (before, lengths), (after, others) = states(whole), states(tmp_path / "cut")
    np.testing.assert_array_equal(lengths, others)
    np.testing.assert_allclose(after, before, atol=1e-6)
