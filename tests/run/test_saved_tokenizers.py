"""A model whose tokenizer is a tokenizer.json is saved, and refused where the file is damaged."""

import json
import shutil

import keras
import keras_hub
import numpy as np
import pytest

from mtc_keras.errors import DataError
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.tasks import Multiclass
from mtc_keras.tokenization.hugging_face_tokenizer import HuggingFaceTokenizer
from mtc_keras.tokenization.preprocessor import preprocessor_for
from tests.tokenization.files import ROLES, TEXTS, tokenizer_json

ASSET = "assets/tokenizer/tokenizer.json"
TASKS = [Multiclass(name="mood", classes=["bad", "fine", "good"])]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    tokenizer = HuggingFaceTokenizer(tokenizer_json("byte pairs"), separator=["[SEP]"] * 2, **ROLES)
    backbone = keras_hub.models.RobertaBackbone(
        vocabulary_size=tokenizer.vocabulary_size(),
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
        max_sequence_length=32,
    )
    preprocessor = preprocessor_for(tokenizer, backbone.input)
    preprocessor.sequence_length = 16
    return MultiTaskClassifier(backbone, TASKS, preprocessor, dropout=0.0)


@pytest.fixture(scope="module")
def preset(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "preset"
    model.save_to_preset(str(folder))
    return folder


def test_a_preset_and_a_keras_file_answer_as_before(model, preset, tmp_path):
    model.save(tmp_path / "model.keras")
    expected = model.predict(TEXTS[:4])["mood"]
    for copy in (
        MultiTaskClassifier.from_preset(str(preset)),
        keras.saving.load_model(tmp_path / "model.keras"),
    ):
        assert copy.preprocessor.separator == ["[SEP]"] * 2
        np.testing.assert_array_equal(copy.predict(TEXTS[:4])["mood"], expected)


def damage_json(name, function):
    """Returns what changes a JSON file of a preset."""

    def damage(folder):
        content = json.loads((folder / name).read_text("utf-8"))
        function(content)
        (folder / name).write_text(json.dumps(content), "utf-8")

    return damage


def config_of_task(**values):
    """Returns what changes the config of the preprocessor, and of its tokenizer."""

    def change(saved):
        preprocessor = saved["config"]["preprocessor"]["config"]
        for config in (preprocessor, preprocessor["tokenizer"]["config"]):
            config.update({key: value for key, value in values.items() if key in config})

    return damage_json("task.json", change)


def write(content):
    return lambda folder: (folder / ASSET).write_text(content, "utf-8")


DAMAGES = {
    "no asset": lambda folder: (folder / ASSET).unlink(),
    "no JSON": write("{"),
    "nested": write("[" * 10**6),
    "another file": write('{"class_name": "BertTokenizer"}'),
    "an id beyond the embeddings": damage_json(
        ASSET, lambda c: c["model"]["vocab"].update({"zzz": 9_000_000})
    ),
    "an id of any size": damage_json(ASSET, lambda c: c["model"]["vocab"].update({"zzz": 2**40})),
    "a token of a role that is not there": config_of_task(end_token="</s>"),
    "a role that is no text": config_of_task(pad_token=7),
    "special tokens that are no list": config_of_task(start="[CLS]"),
    "special tokens without end": config_of_task(separator=["[SEP]"] * 10**5),
    "a segment of any size": config_of_task(second_segment=10**9),
    "a file's content in the config": config_of_task(tokenizer_json="{}"),
    "a pattern that tries all ways": damage_json(
        ASSET,
        lambda c: c.update(
            pre_tokenizer={
                "type": "Split",
                "pattern": {"Regex": "(a+)+$"},
                "behavior": "Isolated",
                "invert": False,
            }
        ),
    ),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_preset_is_one_message(kind, preset, tmp_path):
    folder = shutil.copytree(preset, tmp_path / "preset")
    DAMAGES[kind](folder)
    with pytest.raises(DataError) as caught:
        MultiTaskClassifier.from_preset(str(folder), check=False)
    assert len(str(caught.value)) < 600
