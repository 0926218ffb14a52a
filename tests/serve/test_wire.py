"""Messages between the server and its workers arrive as they were sent."""

import asyncio
import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mtc_keras.serve.workers import wire
from tests.fuzzing import tries

TEXTS = st.lists(st.text(st.characters()) | st.just("half \ud83d a character\0"), max_size=4)
ARRAYS = st.dictionaries(
    st.text(max_size=5),
    arrays.arrays("float32", arrays.array_shapes(min_dims=0, max_dims=2, min_side=0)),
    max_size=3,
)


@tries(50)
@given(TEXTS, ARRAYS)
def test_fuzz_what_is_sent_arrives(texts, found):
    sent = b"".join(wire.packed({"texts": texts}, found))

    async def received():
        stream = asyncio.StreamReader()
        stream.feed_data(sent + sent)
        return [await wire.received(stream) for _ in range(2)]

    stream = io.BytesIO(sent)
    messages = [wire.receive(stream), *asyncio.run(received())]
    assert wire.receive(stream) is None  # the other side has gone
    for header, values in messages:
        assert header == {"texts": texts}
        assert values.keys() == found.keys()
        for name, array in found.items():
            assert values[name].dtype == "float32" and values[name].shape == array.shape
            np.testing.assert_array_equal(values[name], array)


def test_a_message_that_breaks_off_is_none():
    whole = b"".join(wire.packed({"texts": ["a"]}, {"x": np.ones(3)}))
    for end in range(len(whole)):
        assert wire.receive(io.BytesIO(whole[:end])) is None
