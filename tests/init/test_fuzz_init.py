"""Whatever a table holds, a first config is one that reads it, or one message says why not."""

import json
import tomllib

from hypothesis import given
from hypothesis import strategies as st

from mtc_keras import check_config, init_config
from mtc_keras.data.reading import read_splits
from mtc_keras.errors import UserError
from tests.fuzzing import tries
from tests.init.tables import sentence

NAMES = ["label", "tag_1", "tag_2", "ann_1", "ann_2", "a.b", "x[]", "weight", "id", "group", "é"]
WORDS = [
    "",
    "a",
    "b",
    "a|b",
    "a, b",
    "0",
    "1",
    "1.0",
    "x",
    "yes",
    "N/A",
    "?",
    "None",
    "[]",
    "['a']",
]
CELLS = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(["low", "high", "medium", "2024-01-01", "http://x.y", '{"a": 1}', "a" * 80]),
    st.text(max_size=4),
)
JSON = st.one_of(
    CELLS,
    st.none(),
    st.booleans(),
    st.integers(-1, 6),
    st.floats(0, 1),
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=3),
    st.dictionaries(st.sampled_from(["a", "b", "k"]), st.one_of(st.floats(0, 1), st.none())),
    st.dictionaries(st.sampled_from(["label", "user"]), st.sampled_from(["a", "b"])),
)


@tries(40)
@given(data=st.data())
def test_fuzz_tables(tmp_path, data):
    columns = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    pools = {
        name: data.draw(st.lists(JSON, min_size=1, max_size=5), label=name) for name in columns
    }
    count = data.draw(st.integers(1, 30))
    rows = [
        {"text": sentence(row), **{name: pool[row % len(pool)] for name, pool in pools.items()}}
        for row in range(count)
    ]
    path = tmp_path / "t.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    try:
        first = init_config(path)
    except UserError as error:
        assert error.headline
        return
    config = check_config(tomllib.loads(first.text))
    assert config == first.config
    assert len(read_splits(config).train)
