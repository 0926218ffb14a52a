"""Windows: every token is read, none twice but in the overlap; short texts are read as ever."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.data.long_texts import read_texts_as, text_lengths
from mtc_keras.data.token_cache import cached_tokens
from mtc_keras.data.tokens import Tokens, tokenize
from mtc_keras.data.windows import Windows, window_spans
from mtc_keras.errors import ConfigError
from tests.conftest import WORDS, tiny_bert
from tests.fuzzing import tries

ROOM = 14  # of 16 tokens, two of which are special


def words(count: int, seed: int = 0) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, size=count).tolist())


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.integers(1, 9), st.data())
def test_windows_cover_a_text_with_the_overlap_asked_for(lengths, room, data):
    overlap = data.draw(st.integers(0, room - 1))
    counts, starts, ends = window_spans(np.array(lengths), room, overlap)
    at = 0
    for length, count in zip(lengths, counts, strict=True):
        spans = list(zip(starts[at : at + count], ends[at : at + count], strict=True))
        at += count
        assert spans[0][0] == 0 and spans[-1][1] == length
        assert all(end - start == room for start, end in spans[:-1])
        for (_, end), (start, _) in itertools.pairwise(spans):
            assert end - start == overlap
        # None begins once the text has been read.
        assert all(end < length for _, end in spans[:-1])


def test_they_are_those_of_a_truncation_with_stride_in_tokenizers():
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({str(n): n for n in range(60)}, unk_token="0"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    for room, overlap in ((5, 0), (5, 2), (7, 6), (10, 3)):
        tokenizer.enable_truncation(room, stride=overlap)
        for length in range(60):
            found = tokenizer.encode(" ".join(map(str, range(length))))
            expected = [part.ids for part in [found, *found.overflowing]]
            _, starts, ends = window_spans(np.array([length]), room, overlap)
            spans = zip(starts, ends, strict=True)
            assert [list(range(start, end)) for start, end in spans] == expected


@pytest.mark.parametrize("mode", ["head_tail", "windows"])
def test_a_text_that_fits_is_read_as_ever(mode):
    _, preprocessor = tiny_bert()
    texts = ["", "   ", "good bus", words(ROOM), "a\0b", "\ud800", "😀 مرحبا"]
    expected = tokenize(preprocessor, [texts])
    found = read_texts_as(preprocessor, [texts], mode, 4)
    assert len(found) == len(texts)
    tokens = found.tokens if isinstance(found, Windows) else found
    assert tokens.dtypes == expected.dtypes
    for name, array in expected.inputs.items():
        np.testing.assert_array_equal(tokens.inputs[name], array)


def test_windows_hold_all_tokens_and_know_their_text():
    _, preprocessor = tiny_bert()
    texts = [words(3, 1), words(40, 2), words(15, 3)]
    found = read_texts_as(preprocessor, [texts], "windows", 4)
    # 14 tokens, and 10 more with each further window.
    assert found.counts.tolist() == [1, 4, 2]
    assert found.text_of_window.tolist() == [0, 1, 1, 1, 1, 2, 2]
    ids = preprocessor.tokenizer(texts[1])
    flat = found.select(np.array([1])).tokens
    parts = np.split(flat.flat["token_ids"], flat.offsets[1:-1])
    assert all(part[0] == preprocessor.tokenizer.cls_token_id for part in parts)
    assert all(part[-1] == preprocessor.tokenizer.sep_token_id for part in parts)
    read = [*parts[0][1:-1], *(piece for part in parts[1:] for piece in part[5:-1])]
    assert read == list(ids)
    assert text_lengths(preprocessor, [texts], found, 4).tolist() == [5, 42, 17]


def test_head_and_tail_are_a_quarter_and_the_rest():
    _, preprocessor = tiny_bert()
    texts = [words(40), "good"]
    found = read_texts_as(preprocessor, [texts], "head_tail")
    assert isinstance(found, Tokens)
    ids = list(preprocessor.tokenizer(texts[0]))
    kept = found.take(np.array([0]))["token_ids"][0]
    assert kept[1:-1].tolist() == ids[: ROOM // 4] + ids[-(ROOM - ROOM // 4) :]
    assert found.lengths.tolist() == [16, 3]
    assert text_lengths(preprocessor, [texts], found).tolist() == [42, 3]


def test_a_selection_and_a_padded_block_hold_the_same_windows():
    _, preprocessor = tiny_bert()
    found = read_texts_as(preprocessor, [[words(n, n) for n in (30, 2, 15)]], "windows", 4)
    chosen = found.select(np.array([2, 0]))
    assert chosen.counts.tolist() == [2, 3]
    block = chosen.inputs
    assert block["token_ids"].shape == (2, 3, 16)
    assert block["padding_mask"].any(-1).tolist() == [[True, True, False], [True, True, True]]
    np.testing.assert_array_equal(block["token_ids"][1], found.tokens.inputs["token_ids"][:3])


def test_lots_of_texts_are_joined(monkeypatch):
    _, preprocessor = tiny_bert()
    texts = [words(n % 33, n) for n in range(50)]
    expected = read_texts_as(preprocessor, [texts], "windows", 4)
    monkeypatch.setattr("mtc_keras.tokenization.fast.CHARACTERS_AT_ONCE", 100)
    for mode, whole in (("windows", expected.tokens), ("head_tail", None)):
        found = read_texts_as(preprocessor, [texts], mode, 4)
        if whole is not None:
            np.testing.assert_array_equal(found.offsets, expected.offsets)
            np.testing.assert_array_equal(found.tokens.flat["token_ids"], whole.flat["token_ids"])
        assert len(found) == 50
    assert len(read_texts_as(preprocessor, [[]], "windows", 4)) == 0
    assert len(read_texts_as(preprocessor, [[]], "head_tail")) == 0


def test_lengths_of_texts_that_were_cut_are_counted():
    _, preprocessor = tiny_bert()
    texts = ["good " * 14, "good " * 15, "bad", "fine " * 10_000]
    tokens = tokenize(preprocessor, [texts])
    assert tokens.lengths.tolist() == [16, 16, 3, 16]
    assert text_lengths(preprocessor, [texts], tokens).tolist() == [16, 17, 3, 10_002]
    pairs = [texts, ["good bus", "bad", "late", "late"]]
    tokens = tokenize(preprocessor, pairs)
    assert text_lengths(preprocessor, pairs, tokens).tolist() == [19, 19, 5, 10_004]
    assert preprocessor.sequence_length == 16


def test_windows_are_found_on_disk_the_second_time(tmp_path, monkeypatch):
    _, preprocessor = tiny_bert()
    texts = [words(40), "good"]
    made = cached_tokens(preprocessor, [texts], tmp_path, "windows", 4)
    cut = cached_tokens(preprocessor, [texts], tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr("mtc_keras.data.token_cache.read_texts_as", None)  # must not be asked
    found = cached_tokens(preprocessor, [texts], tmp_path, "windows", 4)
    np.testing.assert_array_equal(found.offsets, made.offsets)
    np.testing.assert_array_equal(found.tokens.flat["token_ids"], made.tokens.flat["token_ids"])
    assert len(cached_tokens(preprocessor, [texts], tmp_path)) == len(cut) == 2


def test_what_cannot_be_read_in_windows_is_refused():
    _, preprocessor = tiny_bert()
    with pytest.raises(ConfigError, match="no text pairs"):
        read_texts_as(preprocessor, [["a"], ["b"]], "windows", 4)
    with pytest.raises(ConfigError, match="less than the 14 tokens"):
        read_texts_as(preprocessor, [["a"]], "windows", 14)


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=20),
    st.integers(1, 6),
    st.integers(0, 99),
    st.integers(0, 9),
)
@tries(50)
def test_fuzz_draws_are_different_windows_of_the_row_by_seed_and_epoch(counts, most, seed, epoch):
    windows = Windows(None, np.concatenate([[0], np.cumsum(counts)]))
    rows = np.arange(len(counts))
    drawn = windows.draw(rows, most, (seed, epoch))
    assert drawn.shape == (len(counts), most)
    for row, places in enumerate(drawn):
        found = places[places >= 0]
        assert len(found) == min(counts[row], most)
        assert (np.diff(found) > 0).all()
        assert windows.offsets[row] <= found[0] and found[-1] < windows.offsets[row + 1]
    # Whatever other rows are in the batch.
    alone = [windows.draw(rows[row : row + 1], most, (seed, epoch))[0] for row in rows]
    np.testing.assert_array_equal(alone, drawn)


def test_each_epoch_draws_anew():
    windows = Windows(None, np.array([0, 1000]))
    draws = [tuple(windows.draw(np.array([0]), 4, (0, epoch))[0]) for epoch in range(5)]
    assert len(set(draws)) == 5
