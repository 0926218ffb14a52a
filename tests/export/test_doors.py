"""What a run can leave by is told from its files, in a sentence with the way out."""

import json
import shutil
from pathlib import Path

import pytest

from mtc_keras.errors import ConfigError
from mtc_keras.export.doors import DESCRIPTION, HUGGING_FACE, check_saved
from mtc_keras.run.directory import MODEL, Run
from mtc_keras.tokenization.unspelt import without_spelling
from tests.fixtures import BACKBONES


def changed(run: Run, folder: Path, **changes) -> Run:
    """Returns a copy of a run whose files describe another encoder or tokenizer."""
    path = Path(shutil.copytree(run.directory, folder))
    file = path / "model" / "task.json"
    task = json.loads(file.read_text(encoding="utf-8"))
    backbone, tokenizer = task["config"]["backbone"], task["config"]["preprocessor"]["config"]
    backbone["config"] |= changes.get("sizes", {})
    tokenizer["tokenizer"] |= changes.get("tokenizer", {})
    if "prefix" in changes:
        task["config"]["prefix"] = changes["prefix"]
    file.write_text(json.dumps(task), encoding="utf-8")
    return Run(path, check=False)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("modernbert_gemma", "it changes letters first"),
        ("modernbert_word_pieces", "it changes letters first"),
        ("modernbert", None),
        ("roberta_json", None),
    ],
)
def test_a_tokenizer_json_leaves_by_a_graph_if_it_has_gpt_2s_byte_pairs(
    finished, tmp_path, name, reason
):
    tokenizer = {"registered_name": HUGGING_FACE, "class_name": "HuggingFaceTokenizer"}
    run = changed(finished, tmp_path / "run", tokenizer=tokenizer)
    described = json.loads((BACKBONES / name / "tokenizer.json").read_text(encoding="utf-8"))
    tokens = [entry["content"] for entry in described["added_tokens"] if entry["special"]]
    (run.directory / MODEL / DESCRIPTION).write_text(
        json.dumps(without_spelling(described, tokens)), encoding="utf-8"
    )
    check_saved(run, "onnx")
    if reason is None:
        check_saved(run, "saved_model")
        return
    with pytest.raises(ConfigError, match=rf"{reason}\. An ONNX export can: --format onnx"):
        check_saved(run, "saved_model")


def test_a_prefix_that_onnx_cannot_have_is_refused_before_anything_is_loaded(finished, tmp_path):
    tokenizer = {"registered_name": HUGGING_FACE, "class_name": "HuggingFaceTokenizer"}
    run = changed(finished, tmp_path / "run", tokenizer=tokenizer, prefix="query: ")
    for name, refused in (("modernbert", True), ("roberta_json", False)):
        described = json.loads((BACKBONES / name / "tokenizer.json").read_text(encoding="utf-8"))
        tokens = [entry["content"] for entry in described["added_tokens"] if entry["special"]]
        (run.directory / MODEL / DESCRIPTION).write_text(
            json.dumps(without_spelling(described, tokens)), encoding="utf-8"
        )
        check_saved(run, "saved_model")
        if not refused:
            check_saved(run, "onnx")
            continue
        with pytest.raises(ConfigError, match=r"'query: ' before each part .*--format saved_model"):
            check_saved(run, "onnx")


@pytest.mark.parametrize(
    "name", ["keras_hub>XLMRobertaTokenizer", "keras_hub>RobertaTokenizer", "mine>OwnTokenizer"]
)
def test_others_leave_by_both_or_are_known_when_they_are_loaded(finished, tmp_path, name):
    tokenizer = {"registered_name": name, "class_name": name.partition(">")[2]}
    run = changed(finished, tmp_path / "run", tokenizer=tokenizer)
    for format in ("saved_model", "onnx"):
        check_saved(run, format)


def test_what_is_larger_than_an_onnx_file_leaves_as_a_saved_model(finished, tmp_path):
    xlm_roberta_large = {
        "vocabulary_size": 250_002,
        "num_layers": 24,
        "num_heads": 16,
        "hidden_dim": 1024,
        "intermediate_dim": 4096,
    }
    run = changed(finished, tmp_path / "run", sizes=xlm_roberta_large)
    with pytest.raises(
        ConfigError, match=r"5\d\d million parameters .* 2 GB at most; a SavedModel"
    ):
        check_saved(run, "onnx")
    check_saved(run, "saved_model")
