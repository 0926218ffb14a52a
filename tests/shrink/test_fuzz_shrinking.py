"""Whatever texts are: those that a checkpoint was cut for have the same pieces as before."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras import shrink_vocab
from tests.fixtures import fixture
from tests.fixtures.texts import TEXTS
from tests.fuzzing import tries
from tests.shrink.test_shrinking import embeddings, rows_in

WORDS = sorted({word for text in TEXTS.values() for word in text.split(" ")})
PARTS = st.one_of(
    st.sampled_from(WORDS), st.text(max_size=8), st.sampled_from(["\n", "  ", "x" * 40])
)
FORMS = ["albert", "bert", "camembert", "deberta_v3_json", "modernbert_gemma", "roberta"]


@pytest.mark.parametrize("name", FORMS)
@tries(8)
@given(st.lists(st.lists(PARTS, max_size=8).map(" ".join), min_size=1, max_size=4))
def test_fuzz_given_texts_have_the_same_pieces(name, texts):
    with tempfile.TemporaryDirectory() as folder:
        whole = fixture(name, Path(folder))
        lines = "".join(json.dumps({"text": text}) + "\n" for text in [*texts, "a"])
        (Path(folder) / "a.jsonl").write_text(lines, "utf-8")
        out = Path(folder) / "cut"
        shrink_vocab(whole, Path(folder) / "a.jsonl", out)
        before, after = embeddings(whole), embeddings(out)
        for old, new in zip(rows_in(whole, texts), rows_in(out, texts), strict=True):
            for one, other in zip(old, new, strict=True):
                np.testing.assert_array_equal(before[one], after[other])
