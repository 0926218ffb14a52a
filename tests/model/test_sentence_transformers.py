"""How a checkpoint was trained is told where the config says otherwise, and never taken over."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.config import ModelConfig
from mtc_keras.errors import legible
from mtc_keras.model.backbones.sentence_transformers import training_notes
from tests.fixtures import fixture
from tests.fuzzing import tries

OLD_MEAN = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}


@pytest.fixture
def folder(tmp_path):
    """An encoder's folder without a file of sentence-transformers."""
    return tmp_path


def write(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text, encoding="utf-8")


def notes_of(folder, name="", **model):
    return training_notes(str(folder), name, ModelConfig(backbone=str(folder), **model))


def test_a_checkpoint_that_says_nothing_has_no_notes(folder):
    assert notes_of(folder, pooling="max") == []


@pytest.mark.parametrize(
    ("content", "trained"),
    [
        (OLD_MEAN, "mean"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode": "mean", "include_prompt": True}, "mean"),
        ({"pooling_mode": ["cls"]}, "cls"),
    ],
)
def test_another_pooling_is_told_with_the_line_that_helps(folder, content, trained):
    write(folder, {"1_Pooling/config.json": content})
    assert notes_of(folder, pooling=trained) == []
    (note,) = notes_of(folder, pooling="pooled")
    assert f'trained with pooling = "{trained}" (1_Pooling/config.json)' in note
    assert f'[model] pooling = "{trained}"' in note


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ({"pooling_mode_lasttoken": True}, "'lasttoken'"),
        ({"pooling_mode_cls_token": True, "pooling_mode_max_tokens": True}, "'cls_token' and 'max"),
    ],
)
def test_a_pooling_that_is_none_of_ours_is_told(folder, content, shown):
    write(folder, {"1_Pooling/config.json": content})
    (note,) = notes_of(folder)
    assert f"with the pooling {shown}" in note
    assert "not computed here" in note


def test_modules_name_the_poolings_folder_and_what_is_left_out(folder):
    modules = [
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "3_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"path": "2_Dense", "type": "sentence_transformers.models.Dense"},
    ]
    cls = {"pooling_mode_cls_token": True}
    write(folder, {"modules.json": modules, "3_Pooling/config.json": cls})
    dense, pooling = notes_of(folder)
    assert "'Dense' behind the encoder, which is left out" in dense
    assert "(3_Pooling/config.json)" in pooling


def test_modules_lead_out_of_no_folder(folder):
    inner = folder / "inner"
    inner.mkdir()
    write(folder, {"config.json": {"pooling_mode_cls_token": True}})
    write(inner, {"modules.json": [{"path": "..", "type": "a.Pooling"}]})
    assert notes_of(inner) == []


def test_longer_texts_and_lowercase_are_told(folder):
    write(folder, {"sentence_bert_config.json": {"max_seq_length": 64, "do_lower_case": True}})
    (lowercase,) = notes_of(folder, max_length=64)
    assert "lowercase" in lowercase
    longer, _ = notes_of(folder, max_length=65)
    assert "up to 64 tokens" in longer and "max_length = 65" in longer


@pytest.mark.parametrize(
    "name",
    ["intfloat/multilingual-e5-small", "e5-base-v2", "multilingual_e5_large"],
)
def test_e5_is_known_by_its_name(folder, name):
    (note,) = notes_of(folder, name)
    assert '[model] prefix = "query: " asks it as it was trained' in note
    assert notes_of(folder, name, prefix="query: ") == []
    assert notes_of(folder, name, prefix="passage: ") == []
    assert '"ask: "' in notes_of(folder, name, prefix="ask: ")[0]


@pytest.mark.parametrize("name", ["", "e5/bert-base", "bge5-small", "multilingual-e5-x-instruct"])
def test_other_names_are_not_taken_for_e5(folder, name):
    assert notes_of(folder, name) == []


def test_prompts_of_a_checkpoint_are_offered_that_for_classification_first(folder):
    prompts = {"query": "search_query: ", "Classification": "classification: ", "none": ""}
    write(folder, {"config_sentence_transformers.json": {"prompts": prompts}})
    (note,) = notes_of(folder)
    assert '[model] prefix = "classification: "' in note
    assert notes_of(folder, prefix="search_query: ") == []
    write(folder, {"config_sentence_transformers.json": {"prompts": {"query": "", "a": None}}})
    assert notes_of(folder) == []


@pytest.mark.parametrize("content", ["{", "[" * 100_000, '{"modules": 1}', "3"])
def test_a_damaged_file_is_told_and_costs_nobody_the_model(folder, content):
    write(folder, {"modules.json": content, "1_Pooling/config.json": OLD_MEAN})
    (note,) = notes_of(folder)
    assert note.startswith("modules.json ")
    assert "how the checkpoint was trained" in note


@pytest.mark.parametrize(
    "content", [{"pooling_mode": 3}, {"pooling_mode": [[1], {}]}, {"pooling_mode": []}, {"a": True}]
)
def test_values_of_other_types_are_told_or_nothing(folder, content):
    write(folder, {"1_Pooling/config.json": content})
    assert len(notes_of(folder)) == (1 if content.get("pooling_mode") else 0)


def test_a_whole_folder_of_e5(tmp_path):
    folder = fixture("bert_sentencepiece", tmp_path)
    folder = folder.rename(tmp_path / "multilingual-e5-tiny")
    assert notes_of(folder, prefix="query: ") == []
    pooling, prefix = notes_of(folder, pooling="cls")
    assert '[model] pooling = "mean"' in pooling
    assert '[model] prefix = "query: "' in prefix


# KerasHub 0.32 opens SentencePiece models without closing them.
@pytest.mark.filterwarnings("ignore:unclosed file .*:ResourceWarning")
def test_notes_reach_the_log_and_change_nothing(tmp_path, caplog):
    from mtc_keras import Multiclass, MultiTaskClassifier

    folder = fixture("bert_sentencepiece", tmp_path)
    tasks = [Multiclass(name="mood", classes=["bad", "good"])]
    MultiTaskClassifier.from_preset(str(folder), tasks=tasks)
    assert "trained with" not in caplog.text
    model = MultiTaskClassifier.from_preset(str(folder), tasks=tasks, pooling="cls")
    assert model.pooling == "cls"
    assert 'trained with pooling = "mean"' in caplog.text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
MODULE = st.fixed_dictionaries({}, optional={"path": VALUES, "type": VALUES})
FILES = {
    "modules.json": VALUES | st.lists(MODULE, max_size=3),
    "1_Pooling/config.json": VALUES | st.fixed_dictionaries({"pooling_mode": VALUES}),
    "sentence_bert_config.json": VALUES | st.fixed_dictionaries({"max_seq_length": VALUES}),
    "config_sentence_transformers.json": VALUES | st.fixed_dictionaries({"prompts": VALUES}),
}


@tries(30)
@given(st.fixed_dictionaries(FILES), st.text(max_size=20))
def test_fuzz_whatever_the_files_hold_notes_are_lines(files, name):
    with TemporaryDirectory() as folder:
        write(Path(folder), files)
        notes = notes_of(Path(folder), name)
    assert all(note == legible(note) and 0 < len(note) < 500 for note in notes)
