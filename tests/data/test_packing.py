"""Rows are packed as KerasHub's own preprocessors pack them."""

import functools
import tracemalloc
from functools import partial

import keras_hub
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.data.tokens import tokenize
from tests.conftest import LETTERS, RESERVED, WORDS
from tests.fuzzing import tries
from tests.model.test_backbones import byte_pairs, sentence_pieces

# KerasHub 0.32 opens SentencePiece models without closing them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
LENGTH = 9


FAMILIES = ["bert", "distil_bert", "xlm_roberta", "roberta"]


@functools.cache
def made(family: str, truncate: str = "round_robin"):
    models = keras_hub.models
    vocabulary = [*RESERVED, *WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    tokenizer, preprocessor = {
        "bert": (partial(models.BertTokenizer, vocabulary), models.BertTextClassifierPreprocessor),
        "distil_bert": (
            partial(models.DistilBertTokenizer, vocabulary),
            models.DistilBertTextClassifierPreprocessor,
        ),
        "xlm_roberta": (
            lambda: models.XLMRobertaTokenizer(sentence_pieces()),
            models.XLMRobertaTextClassifierPreprocessor,
        ),
        "roberta": (byte_pairs, models.RobertaTextClassifierPreprocessor),
    }[family]
    return preprocessor(tokenizer(), sequence_length=LENGTH, truncate=truncate)


TEXTS = st.lists(st.sampled_from(["good", "bad", "a", "late", "<pad>"]), max_size=9).map(" ".join)


@pytest.mark.parametrize("truncate", ["round_robin", "waterfall"])
@pytest.mark.parametrize("family", FAMILIES)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=20))
@tries(15)
def test_fuzz_rows_are_what_the_preprocessor_makes_of_them(family, truncate, rows):
    preprocessor = made(family, truncate)
    firsts, seconds = (list(column) for column in zip(*rows, strict=True))
    if family == "roberta":  # whose own way finds special tokens in a text
        firsts, seconds = ([t.replace("<pad>", "on") for t in c] for c in (firsts, seconds))
    for columns in ([firsts], [firsts, seconds]):
        given = tuple(columns) if len(columns) > 1 else columns[0]
        expected = preprocessor(given, y=None)
        found = tokenize(preprocessor, columns).inputs
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], np.asarray(values), err_msg=name)
            assert found[name].dtype == np.asarray(values).dtype


class Doubled(keras_hub.models.BertTextClassifierPreprocessor):
    """A user's own."""

    def call(self, x, y=None, sample_weight=None):
        return super().call([f"{text} {text}" for text in x], y=y, sample_weight=sample_weight)


def test_a_users_own_preprocessor_is_called():
    read_by = keras_hub.models.BertTokenizer([*RESERVED, "good", "bad"])
    preprocessor = Doubled(read_by, sequence_length=LENGTH)
    tokens = tokenize(preprocessor, [["good", "bad good", ""]])
    ids = np.split(tokens.flat["token_ids"], tokens.offsets[1:-1])
    assert [row.tolist() for row in ids] == [[2, 5, 5, 3], [2, 6, 5, 6, 5, 3], [2, 3]]
    assert len(tokenize(preprocessor, [[]])) == 0


def test_no_text_is_padded_to_the_longest_in_memory():
    preprocessor = made("bert")
    texts = [["good bus"] * 20_000]
    tokenize(preprocessor, texts)
    tracemalloc.start()
    try:
        preprocessor.sequence_length = 4096
        tokens = tokenize(preprocessor, texts)
        _, most = tracemalloc.get_traced_memory()
    finally:
        preprocessor.sequence_length = LENGTH
        tracemalloc.stop()
    assert tokens.max_length == 4096
    assert most < 20e6  # padded, a lot of 1024 texts alone would take 3 arrays of 16 MB
