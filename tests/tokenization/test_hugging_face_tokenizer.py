"""A KerasHub tokenizer around a tokenizer.json reads texts as its file says, and nothing else."""

import json

import keras
import keras_hub
import numpy as np
import pytest
from tokenizers import Tokenizer, decoders

from mtc_keras.tokenization.hugging_face_tokenizer import HuggingFaceTokenizer
from mtc_keras.tokenization.preprocessor import TextPreprocessor
from tests.tokenization.files import KINDS, ROLES, TEXTS, tokenizer_json

HOSTILE = [
    "",
    " ",
    "\n\t",
    "x" * 250,
    "é" * 200,
    "日本語",
    "👩\u200d👧",
    "a  b   c    d     e",
    "e\u0301",
]
SPELT = ["[SEP]", "une [SEP] rue", "[CLS][MASK]", "[PAD] [UNK]", "\0[SEP] rue", "[UNK]"]


def made(kind: str) -> HuggingFaceTokenizer:
    return HuggingFaceTokenizer(tokenizer_json(kind), **ROLES)


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_read_as_the_file_says(kind):
    original = Tokenizer.from_str(tokenizer_json(kind))
    expected = [e.ids for e in original.encode_batch(TEXTS + HOSTILE, add_special_tokens=False)]
    tokenizer = made(kind)
    assert tokenizer(TEXTS + HOSTILE) == expected
    assert tokenizer.vocabulary_size() == original.get_vocab_size()
    for name, token in ROLES.items():
        assert getattr(tokenizer, f"{name}_id") == original.token_to_id(token)
        assert tokenizer.id_to_token(original.token_to_id(token)) == token
    assert tokenizer.get_vocabulary()[original.token_to_id("[SEP]")] == "[SEP]"


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_spells_a_special_token(kind):
    original, tokenizer = Tokenizer.from_str(tokenizer_json(kind)), made(kind)
    specials = {original.token_to_id(token) for token in ROLES.values()}
    unknown = original.token_to_id("[UNK]")
    as_in_file = [set(e.ids) & specials for e in original.encode_batch(SPELT[:4])]
    assert all(as_in_file)  # what the file itself says
    for text, ids in zip(SPELT, tokenizer(SPELT), strict=True):
        assert not set(ids) & (specials - {unknown}), text


@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_reads_texts_as_a_call_does(kind):
    import tensorflow as tf

    tokenizer = made(kind)
    texts = TEXTS + HOSTILE + SPELT
    dataset = tf.data.Dataset.from_tensor_slices(texts)
    in_graph = [row.tolist() for lot in dataset.batch(7).map(tokenizer) for row in lot.numpy()]
    assert in_graph == tokenizer(texts)
    singly = [row.tolist() for row in dataset.take(3).map(tokenizer).as_numpy_iterator()]
    assert singly == in_graph[:3]
    one = tokenizer(texts[0])
    assert one.dtype == "int32" and one.tolist() == in_graph[0]
    assert tokenizer(tf.constant(texts)) == in_graph == tokenizer(np.array(texts))


@pytest.mark.parametrize("kind", KINDS)
def test_a_preset_reads_texts_as_before(kind, tmp_path):
    tokenizer = made(kind)
    preprocessor = TextPreprocessor(
        tokenizer, start=["[CLS]"], end=["[SEP]"], segment_ids=True, sequence_length=12
    )
    preprocessor.save_to_preset(str(tmp_path))
    for name in ("tokenizer.json", "preprocessor.json"):
        assert "vocab" not in (tmp_path / name).read_text("utf-8")
    loaded = keras.saving.deserialize_keras_object(
        json.loads((tmp_path / "preprocessor.json").read_text("utf-8"))
    )
    with pytest.raises(ValueError, match="no vocabulary"):
        loaded.tokenizer(["une rue"])
    loaded.load_preset_assets(str(tmp_path))
    assert loaded.tokenizer(TEXTS + SPELT) == tokenizer(TEXTS + SPELT)
    packed = [preprocessor(TEXTS + SPELT, y=None), loaded(TEXTS + SPELT, y=None)]
    for name in ("token_ids", "padding_mask", "segment_ids"):
        np.testing.assert_array_equal(*(np.asarray(inputs[name]) for inputs in packed))


@pytest.mark.parametrize("segment_ids", [False, True])
def test_special_tokens_stand_around_texts_and_pairs_of_them(segment_ids):
    original = Tokenizer.from_str(tokenizer_json("byte pairs"))
    tokenizer = made("byte pairs")
    preprocessor = TextPreprocessor(
        tokenizer, start=["[CLS]"], end=["[SEP]"], segment_ids=segment_ids, sequence_length=64
    )
    pairs = list(zip(TEXTS, TEXTS[::-1], strict=True))
    for texts, expected in [
        (TEXTS, original.encode_batch(TEXTS)),
        ((TEXTS, TEXTS[::-1]), original.encode_batch(pairs)),
    ]:
        packed = {name: np.asarray(v) for name, v in preprocessor(texts, y=None).items()}
        assert ("segment_ids" in packed) == segment_ids
        for row, encoding in enumerate(expected):
            if len(encoding.ids) <= 64:
                real = packed["padding_mask"][row]
                assert packed["token_ids"][row][real].tolist() == encoding.ids
                assert (packed["token_ids"][row][~real] == tokenizer.pad_token_id).all()
                if segment_ids:
                    assert packed["segment_ids"][row][real].tolist() == encoding.type_ids
    doubled = TextPreprocessor(
        tokenizer, start=["[CLS]"], end=["[SEP]"], separator=["[SEP]"] * 2, sequence_length=8
    )
    row = np.asarray(doubled((["le"], ["la"]), y=None)["token_ids"])[0].tolist()
    assert row.count(tokenizer.end_token_id) == 3


def test_token_ids_become_text_again():
    tokenizer = made("byte pairs")
    tokenizer.fast.decoder = decoders.ByteLevel()
    assert tokenizer.detokenize(tokenizer(TEXTS[0])) == TEXTS[0]
    assert tokenizer.detokenize(tokenizer(TEXTS)) == TEXTS


NO_FILES = {
    "is not JSON": "{",
    "is nested too deeply": "[" * 100_000,
    "no vocabulary": json.dumps({"class_name": "BertTokenizer"}),
    "no numbers from 0": json.dumps({"model": {"type": "BPE", "vocab": {"a": "b"}}}),
    "package tokenizers reads": json.dumps(
        {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["b", "c"]]}}
    ),
}


@pytest.mark.parametrize("message", NO_FILES)
def test_what_is_no_tokenizer_is_refused_in_a_sentence(message):
    with pytest.raises(ValueError, match=message):
        HuggingFaceTokenizer(NO_FILES[message], **ROLES)


def test_a_token_that_the_file_lacks_is_named():
    with pytest.raises(ValueError, match="'</s>' is not in the vocabulary"):
        HuggingFaceTokenizer(tokenizer_json("byte pairs"), **{**ROLES, "end_token": "</s>"})
    assert issubclass(HuggingFaceTokenizer, keras_hub.tokenizers.Tokenizer)
