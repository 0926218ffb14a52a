"""BERT's word pieces are read as `transformers` reads them, by a call and in a graph."""

import json

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from mtc_keras.tokenization.bert_tokenizer import BertTokenizer
from tests.conftest import RESERVED
from tests.fixtures.texts import CORPUS, TEXTS
from tests.fuzzing import tries

LETTERS = sorted({*CORPUS, *CORPUS.lower(), "e", "?", "!", "«", "»", "…", "ß", "σ"} - {" ", "\n"})
PIECES = [*RESERVED, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
FORMS = {"uncased": (True, True), "cased": (False, False), "accents": (True, False)}
FRENCH = ["mot\xa0!", "«\xa0mot\u202f»", "mot… mot", "STRASSE Straße ΣΑΣ", "co\xadup", "a\u200bb"]


def made(form: str) -> BertTokenizer:
    lowercase, strip_accents = FORMS[form]
    return BertTokenizer(PIECES, lowercase=lowercase, strip_accents=strip_accents)


def as_transformers(form: str) -> Tokenizer:
    """Returns the tokenizer that `transformers` makes of such a vocabulary."""
    ids = {piece: number for number, piece in enumerate(PIECES)}
    found = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    lowercase, strip_accents = FORMS[form]
    found.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=strip_accents)
    found.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return found


def graph_of(tokenizer):
    """Returns what finds the ids of texts in a graph."""
    signature = [tf.TensorSpec([None], tf.string)]
    function = tf.function(lambda texts: tokenizer(texts), input_signature=signature)
    return lambda texts: function(tf.constant(texts)).to_list()


@pytest.mark.parametrize("form", FORMS)
def test_real_and_hostile_texts_have_the_tokens_of_transformers(form):
    texts = [text for text in TEXTS.values() if "\0" not in text] + FRENCH + CORPUS.splitlines()
    expected = [e.ids for e in as_transformers(form).encode_batch(texts, add_special_tokens=False)]
    tokenizer = made(form)
    assert tokenizer(texts) == expected
    assert graph_of(tokenizer)(texts) == expected
    one = tokenizer(texts[0])
    assert (one.dtype, one.tolist()) == ("int32", expected[0])


def test_a_no_break_space_is_a_blank_where_keras_hub_takes_it_for_a_letter():
    unknown = PIECES.index("[UNK]")
    stock = keras_hub.models.BertTokenizer(vocabulary=PIECES)
    assert unknown in stock(["mot\xa0!"])[0]
    assert unknown not in made("cased")(["mot\xa0!"])[0]


ALPHABET = [*"aeéÉàçœŒßÀİΣσ0 9.!?'’«»…-[]#", "\xa0", "\u202f", "\t", "\n", "\u200b", "\xad"]
ALPHABET += [
    "e\u0301",
    "ﬁ",
    "中",
    "한",
    "\U0001f600",
    "\u200d",
    "½",
    "ª",
    "\x07",
    "[SEP]",
    "x" * 99,
]


@pytest.fixture(scope="module")
def ways():
    """By form, what reads texts as `transformers`, by a call, and in a graph."""
    tokenizers = {form: made(form) for form in FORMS}
    return {form: (as_transformers(form), t, graph_of(t)) for form, t in tokenizers.items()}


@tries(60)
@given(st.lists(st.lists(st.sampled_from(ALPHABET), max_size=12), min_size=1, max_size=8))
def test_fuzz_a_graph_reads_texts_as_a_call_does(ways, rows):
    texts = ["".join(row) for row in rows]
    for form, (original, tokenizer, in_graph) in ways.items():
        expected = [e.ids for e in original.encode_batch(texts, add_special_tokens=False)]
        assert tokenizer(texts) == expected, form
        assert in_graph(texts) == expected, form


@pytest.mark.parametrize("letter", ["a", "é", "中", "ก", "\U00010400"])
def test_words_of_more_than_100_characters_are_unknown_in_graphs_and_calls(letter):
    tokenizer = made("cased")
    texts = [letter * count for count in (26, 34, 51, 100, 101, 300)]
    texts += [f"{text} a" for text in texts] + ["…" * 120, "x" * 60 + "é" * 40, "x" * 90 + "é" * 11]
    expected = as_transformers("cased").encode_batch(texts, add_special_tokens=False)
    assert tokenizer(texts) == [encoding.ids for encoding in expected]
    assert graph_of(tokenizer)(texts) == tokenizer(texts)


def test_a_graph_writes_nothing_for_the_texts_that_it_reads(capfd):
    # A served model would write it for every text.
    graph_of(made("uncased"))([*FRENCH, *CORPUS.splitlines(), "é" * 300])
    assert "out of memory" not in capfd.readouterr().err


def test_a_preset_reads_texts_as_before(tmp_path):
    tokenizer = made("accents")
    tokenizer.save_to_preset(str(tmp_path))
    saved = json.loads((tmp_path / "tokenizer.json").read_text())
    assert (saved["config"]["lowercase"], saved["config"]["strip_accents"]) == (True, False)
    loaded = keras.saving.deserialize_keras_object(saved)
    loaded.load_preset_assets(str(tmp_path))
    texts = [*FRENCH, *CORPUS.splitlines()[:5]]
    assert loaded(texts) == tokenizer(texts)
    assert np.asarray(loaded.token_to_id("[SEP]")) == PIECES.index("[SEP]")
