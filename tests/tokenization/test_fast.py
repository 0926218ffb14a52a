"""A text has one sequence of tokens: by `tokenizers`, and by KerasHub in a graph."""

import functools
import io
import json
import re
import time

import keras_hub
import numpy as np
import pytest
import sentencepiece
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.config import ModelConfig
from mtc_keras.model.backbones.loading import load_backbone
from mtc_keras.tokenization.exact_scores import with_exact_scores
from mtc_keras.tokenization.fast import fast_tokenizer, readable, token_ids
from mtc_keras.tokenization.unigram import model_of
from tests.conftest import RESERVED, WORDS
from tests.fixtures import expected, fixture
from tests.fixtures.texts import TEXTS as OF_TRANSFORMERS
from tests.fuzzing import tries
from tests.tokenization.hostile import RUNS, SORTS

# KerasHub 0.32 opens SentencePiece models without closing them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

LINES = [
    "The clerk was kind, but I waited two hours at the office (again).",
    "Le bus 42 est en retard, mdrrrr ! C'est l'été, on s'ennuie à mourir…",
    "Die Straße zum Amt ist gesperrt – 3.14 % mehr Gebühren für alle.",
    "L'employée n'a rien compris « encore une fois » ; j'ai tout réexpliqué xxxx.",
    "aaaa bbbb ooooooo hhh Привет, как дела 今日は 元気ですか مرحبا",
]
XLM_ROBERTA = {"unk_id": 0, "bos_id": 1, "eos_id": 2}
OTHERS = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1}
BERTS = {"control_symbols": ["[CLS]", "[SEP]"], "user_defined_symbols": ["[MASK]"]}
ALBERTS = {"user_defined_symbols": ["[MASK]", "(", ")", "-", "–", ".", "--"]}
SENTENCE_PIECES = {
    "xlm_roberta": ("XLMRoberta", XLM_ROBERTA),
    "identity": ("XLMRoberta", {**XLM_ROBERTA, "normalization_rule_name": "identity"}),
    "folded": ("XLMRoberta", {**XLM_ROBERTA, "normalization_rule_name": "nmt_nfkc_cf"}),
    "blanks": ("XLMRoberta", {**XLM_ROBERTA, "remove_extra_whitespaces": False}),
    "no_prefix": ("XLMRoberta", {**XLM_ROBERTA, "add_dummy_prefix": False}),
    "raw": (
        "XLMRoberta",
        {
            **XLM_ROBERTA,
            "normalization_rule_name": "identity",
            "remove_extra_whitespaces": False,
            "add_dummy_prefix": False,
        },
    ),
    "bytes": ("XLMRoberta", {**XLM_ROBERTA, "byte_fallback": True, "vocab_size": 420}),
    "albert": ("Albert", {**OTHERS, **BERTS, **ALBERTS, "pad_piece": "<pad>"}),
    "deberta": ("DebertaV3", {**OTHERS, **BERTS, "pad_piece": "[PAD]"}),
    "f_net": ("FNet", {**OTHERS, **BERTS, "pad_piece": "<pad>"}),
    "t5": ("T5", {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}),
}
WORD_PIECES = {
    "cased": {"lowercase": False},
    "uncased": {"lowercase": True},
    "without_accents": {"lowercase": True, "strip_accents": True},
    "cased_without_accents": {"lowercase": False, "strip_accents": True},
    "no_chinese": {"lowercase": True, "split_on_cjk": False},
}
KINDS = [*SENTENCE_PIECES, *WORD_PIECES]


def trained(**options) -> bytes:
    proto = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES * 4),
        model_writer=proto,
        hard_vocab_limit=False,
        minloglevel=2,
        **{"vocab_size": 160, **options},
    )
    return proto.getvalue()


@functools.cache
def tokenizer(kind: str):
    if kind in SENTENCE_PIECES:
        family, options = SENTENCE_PIECES[kind]
        read_by = getattr(keras_hub.tokenizers, f"{family}Tokenizer")
        return read_by(with_exact_scores(trained(**options)))
    letters = [chr(code) for code in range(0x21, 0x3100) if chr(code).isprintable()] + ["今"]
    pieces = [*RESERVED, *WORDS, "fi", "ss", "...", *letters, *(f"##{c}" for c in letters)]
    return keras_hub.tokenizers.BertTokenizer(list(dict.fromkeys(pieces)), **WORD_PIECES[kind])


@functools.cache
def in_graph(kind: str):
    return tf.function(tokenizer(kind), input_signature=[tf.TensorSpec([None], tf.string)])


def by_graph(kind: str, texts: list[str]) -> list[list[int]]:
    return in_graph(kind)(tf.constant([readable(text) for text in texts])).to_list()


def by_package(kind: str, texts: list[str]) -> list[list[int]]:
    ids, offsets = token_ids(tokenizer(kind), texts)
    return [part.tolist() for part in np.split(ids, offsets[1:-1])]


@pytest.mark.parametrize("kind", KINDS)
def test_texts_of_every_sort_have_the_tokens_of_the_graph(kind):
    assert fast_tokenizer(tokenizer(kind)) is not None
    texts = [*SORTS, *RUNS, *LINES]
    if kind in SENTENCE_PIECES:
        texts.remove("x" * 5000)  # whose sums are beyond 8192
    found = dict(zip(texts, by_package(kind, texts), strict=True))
    assert found == dict(zip(texts, by_graph(kind, texts), strict=True))


# What was read differently at some time, among plain letters. Left out are marks after letters of
# Unicode's compatibility forms, which only SentencePiece's tables compose.
PARTS = [*"aexXEéêß()-–.,'<0>4\n\t 今😀½ﬁЯйςк…▁_", "\u00a0", "\u200b", "\u200d", "\u00ad", "\x01"]
PARTS += [
    "\0",
    "\ud800",
    "\u0301",
    "\u0323",
    "\u0302",
    "ooh",
    "xxxx",
    "good",
    "<s>",
    "[MASK]",
    "  ",
]
HOSTILE = st.lists(st.sampled_from(PARTS), max_size=12).map("".join)
COMPOSED = re.compile("[½ﬁ…][\u0300-\u036f]")


@pytest.mark.parametrize("kind", KINDS)
@given(st.lists(HOSTILE.filter(lambda t: not COMPOSED.search(t)), min_size=1, max_size=40))
@tries(8)
def test_fuzz_any_text_has_the_tokens_of_the_graph(kind, texts):
    assert by_package(kind, texts) == by_graph(kind, texts)


def test_a_text_has_its_tokens_whatever_others_are_read():
    texts = [*SORTS, *RUNS]
    together = by_package("xlm_roberta", texts)
    assert [by_package("xlm_roberta", [text])[0] for text in texts] == together


def test_scores_that_are_not_exact_are_read_as_they_are():
    raw = trained(**XLM_ROBERTA)
    old, new = (keras_hub.tokenizers.XLMRobertaTokenizer(p) for p in (raw, with_exact_scores(raw)))
    ids = [token_ids(read_by, LINES)[0] for read_by in (old, new)]
    np.testing.assert_array_equal(*ids)  # rounding changes no token of a usual text
    assert with_exact_scores(new.proto) == new.proto
    pieces = model_of(new.proto).pieces
    assert all((piece.score * 2**11).is_integer() for piece in pieces)
    assert not all((piece.score * 2**11).is_integer() for piece in model_of(raw).pieces)


def test_models_that_are_not_unigram_keep_their_scores():
    proto = trained(model_type="bpe")
    assert with_exact_scores(proto) == proto
    read_by = keras_hub.tokenizers.T5Tokenizer(
        trained(model_type="bpe", **SENTENCE_PIECES["t5"][1])
    )
    assert fast_tokenizer(read_by) is None  # and is called instead
    assert token_ids(read_by, LINES)[0].tolist() == [i for row in read_by(LINES) for i in row]
    with pytest.raises(ValueError, match="no SentencePiece model"):
        with_exact_scores(b"\xff\xff")


def test_a_vocabulary_that_is_set_anew_is_read():
    read_by = keras_hub.tokenizers.BertTokenizer([*RESERVED, "good", "bad"])
    assert token_ids(read_by, ["good bad"])[0].tolist() == [5, 6]
    read_by.set_vocabulary([*RESERVED, "bad", "good"])
    assert token_ids(read_by, ["good bad"])[0].tolist() == [6, 5]
    read_by.lowercase = True
    assert token_ids(read_by, ["GOOD"])[0].tolist() == [6]


class Backwards(keras_hub.tokenizers.BertTokenizer):
    """A user's own."""

    def tokenize(self, inputs):
        return [row[::-1] for row in super().tokenize(inputs)]


def test_a_users_own_tokenizer_is_called():
    read_by = Backwards([*RESERVED, "good", "bad"])
    assert fast_tokenizer(read_by) is None
    ids, offsets = token_ids(read_by, ["good bad", "", "bad"])
    assert ids.tolist() == [6, 5, 6]
    assert offsets.tolist() == [0, 2, 2, 3]


def test_special_tokens_that_a_text_spells_are_text():
    for kind in ("xlm_roberta", "deberta", "uncased"):
        read_by = tokenizer(kind)
        special = {read_by.start_token_id, read_by.end_token_id, read_by.pad_token_id}
        for text in (read_by.start_token, read_by.end_token, read_by.pad_token):
            assert not special & set(token_ids(read_by, [f"a {text} b"])[0].tolist())


@pytest.mark.parametrize("kind", ["xlm_roberta", "deberta", "uncased", "cased"])
def test_long_texts_are_read_in_seconds(kind):
    texts = ["x" * 100_000, "e\u0301 " * 30_000, "good " * 25_000, "今" * 100_000]
    started = time.monotonic()
    _, offsets = token_ids(tokenizer(kind), texts)
    assert time.monotonic() - started < 10
    assert (np.diff(offsets) > 0).all()


def test_a_preset_of_sentence_pieces_is_loaded_with_exact_scores(tmp_path):
    read_by = keras_hub.tokenizers.XLMRobertaTokenizer(trained(**XLM_ROBERTA))
    backbone = keras_hub.models.XLMRobertaBackbone(read_by.vocabulary_size(), 1, 2, 8, 8)
    backbone.save_to_preset(str(tmp_path))
    keras_hub.models.XLMRobertaTextClassifierPreprocessor(read_by).save_to_preset(str(tmp_path))
    loaded = load_backbone(ModelConfig(backbone=str(tmp_path))).preprocessor.tokenizer
    assert loaded.proto == with_exact_scores(read_by.proto) != read_by.proto


def test_byte_pairs_are_those_of_transformers(tmp_path):
    folder, right = fixture("roberta", tmp_path), expected("roberta")
    merges = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    read_by = keras_hub.tokenizers.RobertaTokenizer(vocabulary, [m for m in merges if m])
    ids = {**right.ids, **right.ids_as_text}
    for name, values in ids.items():
        if "\0" in OF_TRANSFORMERS[name]:
            continue  # which is dropped here
        assert token_ids(read_by, [OF_TRANSFORMERS[name]])[0].tolist() == values[1:-1], name
    started = time.monotonic()
    ids, _ = token_ids(read_by, ["x" * 100_000, "1" * 100_000, "ab " * 30_000])
    assert time.monotonic() - started < 10 and len(ids) > 100_000
