"""A SavedModel's graph cuts texts as the package does, and so does `tokenizers`."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras import Multiclass, MultiTaskClassifier, export_model
from mtc_keras.data.long_texts import HEAD, read_texts_as, room_of
from mtc_keras.data.windows import window_spans
from mtc_keras.export.saved_model.long_texts import head_and_tail, in_chunks, packed, windows
from mtc_keras.export.saved_model.write import readable
from mtc_keras.export.texts import TEXTS
from tests.conftest import tiny_bert
from tests.fuzzing import tries
from tests.model.test_backbones import sentence_pieces

LENGTHS = st.lists(st.integers(0, 70), max_size=12)


def texts_of(lengths):
    """Returns ragged tokens that tell the place of each."""
    return tf.RaggedTensor.from_row_lengths(np.arange(sum(lengths), dtype="int32"), lengths)


@tries(60)
@given(LENGTHS, st.integers(1, 20), st.data())
def test_fuzz_windows_of_texts_of_any_length(lengths, room, data):
    overlap = data.draw(st.integers(0, room - 1))
    counts, starts, ends = window_spans(np.array(lengths), room, overlap)
    begins = np.repeat(np.cumsum([0, *lengths])[:-1], counts)
    found, text_of_window = windows(texts_of(lengths), room, overlap)
    np.testing.assert_array_equal(text_of_window, np.repeat(np.arange(len(lengths)), counts))
    expected = [list(range(*span)) for span in zip(begins + starts, begins + ends, strict=True)]
    assert found.to_list() == expected


@tries(30)
@given(LENGTHS, st.integers(1, 20), st.data())
def test_fuzz_windows_are_those_of_the_package_tokenizers(lengths, room, data):
    tokenizers = pytest.importorskip("tokenizers")
    overlap = data.draw(st.integers(0, room - 1))
    words = {str(number): number for number in range(max(sum(lengths), 1))}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="0"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer.enable_truncation(room, stride=overlap)
    tokens = texts_of(lengths)
    rows = tokenizer.encode_batch([" ".join(map(str, row)) for row in tokens.to_list()])
    encoded = [part.ids for row in rows for part in (row, *row.overflowing)]
    assert windows(tokens, room, overlap)[0].to_list() == encoded


@tries(60)
@given(LENGTHS, st.integers(1, 20))
def test_fuzz_head_and_tail_of_texts_of_any_length(lengths, room):
    head, tail = room // 4, room - room // 4
    found = head_and_tail(texts_of(lengths), head, tail).to_list()
    for own, kept in zip(texts_of(lengths).to_list(), found, strict=True):
        assert kept == (own if len(own) <= room else own[:head] + own[-tail:])


@tries(30)
@given(LENGTHS)
def test_fuzz_rows_are_asked_in_chunks_of_few_tokens_and_answered_in_order(lengths):
    asked = []

    def ask(tokens):
        tf.py_function(lambda n: asked.append(n.numpy().tolist()), [tokens.row_lengths()], [])
        last = tf.reduce_sum(tokens, axis=1)
        return {"sum": tf.cast(last, "float32")[:, None], "rows": tf.zeros_like(last, "float32")}

    tokens = texts_of(lengths)
    shapes = {"sum": [None, 1], "rows": [None]}
    found = tf.function(lambda: in_chunks(ask, tokens, shapes, most_tokens=100))()
    np.testing.assert_array_equal(
        found["sum"][:, 0], [sum(row) for row in tokens.to_list()] or np.zeros(0)
    )
    assert found["rows"].shape == (len(lengths),)
    assert sorted(n for chunk in asked for n in chunk) == sorted(lengths)
    assert all(len(chunk) * max(chunk) <= 100 for chunk in asked)


def xlm_roberta():
    import keras_hub

    tokenizer = keras_hub.models.XLMRobertaTokenizer(proto=sentence_pieces())
    backbone = keras_hub.models.XLMRobertaBackbone(
        tokenizer.vocabulary_size(), 1, 2, 8, 8, max_sequence_length=18
    )
    return backbone, keras_hub.models.XLMRobertaTextClassifierPreprocessor(
        tokenizer, sequence_length=16
    )


# KerasHub 0.32 opens SentencePiece models without closing them.
@pytest.mark.filterwarnings("ignore:unclosed file .*vocabulary.spm:ResourceWarning")
@pytest.mark.parametrize("mode", ["windows", "head_tail"])
@pytest.mark.parametrize("family", [tiny_bert, xlm_roberta])
def test_what_is_read_of_texts_of_every_sort_is_what_the_package_reads(family, mode):
    backbone, preprocessor = family()
    model = SimpleNamespace(backbone=backbone, preprocessor=preprocessor)
    expected = read_texts_as(preprocessor, [TEXTS], mode, 5)
    room = room_of(preprocessor)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def in_graph(texts):
        [texts] = readable([texts])
        tokens = preprocessor.tokenizer(texts)
        if mode == "head_tail":
            return packed(model, head_and_tail(tokens, room // HEAD, room - room // HEAD))
        rows, text_of_window = windows(tokens, room, 5)
        return {**packed(model, rows), "text_of_window": text_of_window}

    encoded = [text.encode("utf-8", "replace") for text in TEXTS]
    found = {name: tensor.numpy() for name, tensor in in_graph(tf.constant(encoded)).items()}
    if mode == "windows":
        np.testing.assert_array_equal(found.pop("text_of_window"), expected.text_of_window)
        expected = expected.tokens
    right = expected.take(np.arange(len(expected)), int(expected.lengths.max()))
    assert sorted(found) == sorted(right)
    for name, values in right.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed file .*vocabulary.spm:ResourceWarning")
def test_windows_of_sentence_pieces_are_exported(tmp_path):
    backbone, preprocessor = xlm_roberta()
    task = Multiclass(name="mood", classes=["bad", "good"], window_pooling="attention")
    model = MultiTaskClassifier(backbone, [task], preprocessor, long_texts="windows")
    about = export_model(model, tmp_path / "out").about
    assert about["self_test"]["largest_difference"]["mood"] < 1e-5
