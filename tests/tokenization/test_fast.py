"""A text has one sequence of tokens: by `tokenizers`, and by KerasHub in a graph."""

import functools
import io

import keras_hub
import numpy as np
import pytest
import sentencepiece
import tensorflow as tf

from mtc_keras.tokenization.exact_scores import with_exact_scores
from mtc_keras.tokenization.fast import fast_tokenizer, readable, token_ids
from tests.conftest import RESERVED, WORDS
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
