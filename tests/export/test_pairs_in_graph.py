"""An ONNX model of text pairs cuts them as KerasHub's packer does."""

import keras_hub
import numpy as np
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.export.onnx.pairs import PairForm, cut_pairs
from tests.fuzzing import tries

START, SEPARATOR, END, PAD = 1, 2, 3, 0
LENGTHS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=6)


def whole(pairs, separators: int) -> dict[str, np.ndarray]:
    """Returns pairs as `tokenizers` packs and pads them, nothing cut off."""
    between = [SEPARATOR] * separators
    rows = [
        [*((t, 0) for t in (START, *first, *between)), *((t, 1) for t in (*second, END))]
        for first, second in pairs
    ]
    longest = max(map(len, rows))
    padded = np.array([row + [(PAD, 0)] * (longest - len(row)) for row in rows], "int32")
    real = np.arange(longest) < np.array([[len(row)] for row in rows])
    return {
        "token_ids": padded[..., 0],
        "padding_mask": real.astype("int32"),
        "segment_ids": padded[..., 1],
    }


@tries(80)
@given(LENGTHS, st.integers(4, 24), st.integers(1, 2), st.booleans())
def test_fuzz_pairs_of_any_lengths_are_cut_as_the_packer_does(lengths, most, separators, robin):
    most = max(most, 2 + separators)
    numbers = iter(range(10, 10_000))
    pairs = [
        ([next(numbers) for _ in range(a)], [next(numbers) for _ in range(b)]) for a, b in lengths
    ]
    packer = keras_hub.layers.MultiSegmentPacker(
        most,
        start_value=START,
        end_value=[END],
        sep_value=[SEPARATOR] * separators,
        pad_value=PAD,
        truncate="round_robin" if robin else "waterfall",
    )
    expected = np.asarray(packer(([pair[0] for pair in pairs], [pair[1] for pair in pairs]))[0])
    form = PairForm(1, separators, 1, most, robin)
    inputs = {name: tf.constant(values) for name, values in whole(pairs, separators).items()}
    found = cut_pairs(inputs, form)
    width = min(inputs["token_ids"].shape[1], most)
    np.testing.assert_array_equal(found["token_ids"], expected[:, :width])
    assert (expected[:, width:] == PAD).all()
    # The second text's tokens and what ends it: all that is real behind the last separator.
    behind = np.cumsum(expected[:, ::-1] == SEPARATOR, axis=1)[:, ::-1] == 0
    real = expected[:, :width] != PAD
    np.testing.assert_array_equal(found["segment_ids"], behind[:, :width] & real)
    np.testing.assert_array_equal(found["padding_mask"], real)
