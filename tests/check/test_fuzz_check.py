"""Whatever rows a training could read, a check counts and shows them."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.check.checked import Checked
from mtc_keras.check.statistics import lengths
from mtc_keras.check.statistics.parts import PARTS
from mtc_keras.data.reading import read_splits
from mtc_keras.pages import Page, write_page
from tests.conftest import tiny_config
from tests.fuzzing import tries

NAMES = st.sampled_from(["good", "<b>", "ça", "$x$", "a b", "好"])
ROWS = st.fixed_dictionaries(
    {
        "text": st.text(max_size=30),
        "mood": st.none() | NAMES,
        "topics": st.none() | st.lists(NAMES, unique=True),
        "length": st.none() | st.floats(-1e6, 1e6),
    }
)
# Every split needs a label of each task, and training two classes.
LEAST = [
    {"text": "a", "mood": "good", "topics": ["good", "<b>"], "length": 1.0},
    {"text": "b", "mood": "<b>", "topics": ["$x$", "ça", "a b", "好"], "length": 2.0},
    {"text": "c", "mood": "ça", "topics": [], "length": 2.0},
    {"text": "d", "mood": "$x$", "topics": [], "length": 2.0},
    {"text": "e", "mood": "a b", "topics": [], "length": 2.0},
    {"text": "f", "mood": "好", "topics": [], "length": 2.0},
]


@tries(15)
@given(train=st.lists(ROWS, max_size=20), test=st.lists(ROWS, max_size=20))
def test_fuzz_any_rows_are_counted_and_shown(train, test):
    with tempfile.TemporaryDirectory() as folder:
        frames = {
            name: pd.DataFrame([*LEAST, *rows]).astype({"mood": object, "topics": object})
            for name, rows in (("train", train), ("test", test))
        }
        config = tiny_config(Path(folder) / "run")
        data = Checked(config, read_splits(config, frames))
        # Without the lengths, which need a tokenizer and are counted elsewhere.
        parts = [part(data) for part in PARTS if part is not lengths.length_part]
        values = {part.section.id: part.values for part in parts if part is not None}
        for name, frame in frames.items():
            known = frame["mood"].notna()
            found = values["classes"]["mood"]
            assert sum(found["counts"][name]) == known.sum()
            expected = frame["mood"].value_counts()
            for at, label in enumerate(found["classes"]):
                assert found["counts"][name][at] == expected.get(label, 0)
            split = values["rows"]["splits"][name]
            assert split["rows"] + split["left_out"] == len(frame)
            numbers = frame["length"].dropna().to_numpy("float32").astype("float64")
            assert np.isclose(values["numbers"]["length"][name]["mean"], numbers.mean())
        page = Path(folder) / "check.html"
        write_page(Page("Check", facts=(), parts=[part for part in parts if part]), page)
        assert "<b>" not in page.read_text("utf-8").replace("<b></b>", "")
