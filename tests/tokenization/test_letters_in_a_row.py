"""What SentencePiece's maps make of several letters, by the package `tokenizers`, too."""

import keras_hub
import numpy as np
import pytest
import sentencepiece

from mtc_keras.tokenization.character_maps import compiled
from mtc_keras.tokenization.fast import token_ids
from mtc_keras.tokenization.letters_in_a_row import letters_in_a_row
from mtc_keras.tokenization.unigram import model_of
from tests.fixtures import fixture

# KerasHub 0.32 opens SentencePiece models without closing them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
RULES = {"``": '"', "''": '"', "...": "…", "..": "‥", "é": "e", "A": "a"}
TEXTS = ["``a'' '''b''''", "a... b.. c..... d", "l'été''\u0301", "''", "A''A", "..'..'"]


def albert(tmp_path, charsmap: bytes) -> keras_hub.tokenizers.SentencePieceTokenizer:
    """Returns a tokenizer with another map of characters."""
    proto = (fixture("albert", tmp_path) / "spiece.model").read_bytes()
    model = model_of(proto)
    model.normalizer_spec.precompiled_charsmap = charsmap
    return keras_hub.models.AlbertTokenizer(proto=model.SerializeToString())


def test_several_letters_become_what_the_map_says(tmp_path):
    tokenizer = albert(tmp_path, compiled(RULES))
    processor = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.proto)
    ids, offsets = token_ids(tokenizer, TEXTS)
    for number, text in enumerate(TEXTS):
        found = ids[offsets[number] : offsets[number + 1]].tolist()
        assert found == processor.encode(text), text


def test_sequences_of_a_map_are_found():
    several = {source: to for source, to in RULES.items() if len(source) > 1}
    assert letters_in_a_row(compiled(RULES)) == several
    assert letters_in_a_row(b"") == {}


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_map_ends_nothing(seed):
    random = np.random.default_rng(seed)
    damaged = np.frombuffer(compiled(RULES), "uint8").copy()
    places = random.integers(0, len(damaged), 200)
    damaged[places] = random.integers(0, 256, 200)
    assert isinstance(letters_in_a_row(damaged.tobytes()), dict)
    assert isinstance(letters_in_a_row(damaged.tobytes()[: random.integers(0, 900)]), dict)
