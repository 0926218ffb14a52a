"""Byte pairs in TensorFlow's graph are those of `tokenizers`."""

import json

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, trainers

from mtc_keras.export.saved_model.byte_pairs import BytePairs, why_not
from mtc_keras.export.texts import TEXTS
from tests.conftest import ROOT, rows
from tests.fuzzing import tries

HARD = [
    "  two blanks  and  more   ",
    "don't  's I'll  'x we'VE'd",
    "tab\t\tword \t next\n\n line\u00a0\u00a0nbsp \u3000wide\u2003 em",
    "\x0b\x0cform \x85 next \x1c\x1d\u200b\u2028separators",
    "12 345.67 ½ ² Ⅷ ٣ 1a2b",
    "naïve œuvre « été » aïe e\u0301 🙂🙂 👩‍👩‍👧",
    "e\u0301. x |||IP_ADDRESS||| y é.é. |||IP_ADDRESS|||",
    "ab" * 3000,
    " " * 3000 + "x",
]


def trained(**options) -> Tokenizer:
    """Returns byte pairs of some thousand merges, as RoBERTa's are."""
    found = Tokenizer(models.BPE(**options))
    found.normalizer = normalizers.Replace("\0", "")
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=2000,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    pages = [page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").glob("*.md"))]
    found.train_from_iterator([*pages, *rows(200)["text"], *HARD[:7]], trainer)
    return found


def with_added_tokens() -> Tokenizer:
    """Returns byte pairs as ModernBERT's are: letters composed, runs of blanks as tokens."""
    found = trained()
    found.normalizer = normalizers.Sequence([normalizers.Replace("\0", ""), normalizers.NFC()])
    found.add_tokens([AddedToken(" " * n, normalized=True) for n in range(8, 1, -1)])
    found.add_tokens(
        [AddedToken("|||IP_ADDRESS|||", normalized=True), AddedToken("é.", normalized=True)]
    )
    found.add_special_tokens([AddedToken("\0<s>", normalized=False)])
    return found


@pytest.fixture(scope="module", params=[trained, with_added_tokens])
def both(request):
    """Returns what `tokenizers` and a graph read of texts."""
    fast = request.param()
    read = tf.function(BytePairs(fast), input_signature=[tf.TensorSpec([None], tf.string)])

    def in_graph(texts):
        return read(tf.constant([text.encode() for text in texts], tf.string)).to_list()

    return lambda texts: [row.ids for row in fast.encode_batch(texts)], in_graph


def plain(texts):
    return [text.encode("utf-8", "replace").decode().replace("\0", "") for text in texts]


def test_texts_of_every_sort_have_the_same_tokens(both):
    own, in_graph = both
    pages = [page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").glob("*.md"))]
    lines = [line for page in pages for line in page.splitlines()]
    for texts in (plain(TEXTS), HARD, lines, pages, ["", " ", ""], []):
        assert in_graph(texts) == own(texts)


@tries(60)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=30), max_size=20))
def test_fuzz_any_text_has_the_same_tokens(both, texts):
    own, in_graph = both
    texts = plain(texts)
    assert in_graph(texts) == own(texts)


@tries(60)
@given(st.lists(st.text("aeést 'x.1 \n\t\u00a0", max_size=30), max_size=20))
def test_fuzz_blanks_and_words_are_divided_alike(both, texts):
    own, in_graph = both
    assert in_graph(texts) == own(texts)


def changed(**parts) -> dict:
    return {**json.loads(trained().to_str()), **parts}


def test_what_no_graph_reads_is_told_with_its_reason():
    assert why_not(changed()) is None
    assert why_not(json.loads(with_added_tokens().to_str())) is None
    assert why_not(changed(normalizer={"type": "NFKC"})) == "it changes letters first"
    assert "words" in why_not(changed(pre_tokenizer={"type": "Metaspace"}))
    model = json.loads(trained().to_str())["model"]
    assert "settings" in why_not(changed(model={**model, "byte_fallback": True}))
    assert "settings" in why_not(changed(model={**model, "type": "Unigram"}))
    first = model["merges"][0]
    assert "several merges" in why_not(changed(model={**model, "merges": [first, first]}))
    fast = trained()
    fast.add_tokens([AddedToken("x", single_word=True)])
    assert "added" in why_not(json.loads(fast.to_str()))
