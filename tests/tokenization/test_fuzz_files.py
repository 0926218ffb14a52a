"""Whatever a stranger's tokenizer files hold: they are read, or refused in a sentence."""

import base64
import copy
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.tokenization.character_maps import WHITE_SPACE, compiled
from mtc_keras.tokenization.description import rust_tokenizer
from mtc_keras.tokenization.plans import plan_of
from mtc_keras.tokenization.unspelt import without_spelling
from tests.fixtures import BACKBONES
from tests.fuzzing import tries

SMALL_MAP = base64.b64encode(compiled({"ﬁ": "fi", **dict.fromkeys(WHITE_SPACE, " ")})).decode()
KINDS = ("bert_json", "roberta_json", "camembert_json", "modernbert_gemma")
GARBAGE = st.sampled_from(
    [None, True, -1, 2**70, 1.5, "", "▁", "Sequence", "\0", [], [None], [[]], {}, {"id": 1}]
)


def places(value, path=()):
    """Yields the paths of all tables and lists in a value, and of what is in them."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items)[:12]:
        yield (*path, key)
        if isinstance(inner, (dict, list)):
            yield from places(inner, (*path, key))


def changed(value, path, garbage):
    value = copy.deepcopy(value)
    *before, last = path
    inner = value
    for key in before:
        inner = inner[key]
    inner[last] = garbage
    return value


def files_of(name):
    """Returns the parsed content of a checkpoint's tokenizer files."""
    files = {}
    for file in ("tokenizer.json", "tokenizer_config.json", "config.json"):
        files[file] = json.loads((BACKBONES / name / file).read_text("utf-8"))
    normalizer = files["tokenizer.json"]["normalizer"]
    if normalizer and "precompiled_charsmap" in normalizer:
        normalizer["precompiled_charsmap"] = SMALL_MAP
    files["special_tokens_map.json"] = {"additional_special_tokens": ["a"]}
    files["added_tokens.json"] = {"guichet": 10**6}
    return files


FILES = {name: files_of(name) for name in KINDS}


@tries(150)
@given(st.sampled_from(KINDS), st.data())
def test_fuzz_a_damaged_file_is_read_or_refused_in_a_sentence(kind, data):
    files = FILES[kind]
    name = data.draw(st.sampled_from(sorted(files)))
    path = data.draw(st.sampled_from([*places(files[name])]))
    garbage = data.draw(GARBAGE)
    with tempfile.TemporaryDirectory() as folder:
        for file, content in files.items():
            damaged = changed(content, path, garbage) if file == name else content
            (Path(folder) / file).write_text(json.dumps(damaged), "utf-8")
        config = json.loads((Path(folder) / "config.json").read_text("utf-8"))
        model_type = files["config.json"]["model_type"]
        try:
            found = plan_of(folder, model_type, config)
            if found.described is not None:
                described, roles = found.described
                rust_tokenizer(json.dumps(without_spelling(described, roles.values())))
        except ValueError as error:
            assert 1 < len(str(error)) < 500, (name, path, garbage)


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_that_are_damaged_are_read_as_they_are(kind, tmp_path):
    for file, content in FILES[kind].items():
        if file != "added_tokens.json":
            (tmp_path / file).write_text(json.dumps(content), "utf-8")
    config = FILES[kind]["config.json"]
    assert plan_of(str(tmp_path), config["model_type"], config).template.end
