"""Every form of a tokenizer's files is read as `transformers` reads it."""

import json

import keras_hub
import numpy as np
import pytest
from keras_hub.src.utils import preset_utils

from mtc_keras.config import ModelConfig
from mtc_keras.errors import ConfigError
from mtc_keras.model.backbones.loading import load_backbone
from mtc_keras.tokenization.bert_tokenizer import BertTokenizer
from mtc_keras.tokenization.preprocessor import preprocessor_for
from mtc_keras.tokenization.reading import missing_files, read_tokenizer
from tests.fixtures import NAMES, expected, fixture
from tests.fixtures.texts import TEXTS

OLD_FILES = ("vocab.txt", "vocab.json", "merges.txt", "sentencepiece.bpe.model")
OLD_FILES += ("spiece.model", "spm.model")
FORMS = {"whole": (), "tokenizer.json": OLD_FILES, "older files": ("tokenizer.json",)}
LENGTH = 200


def read(folder):
    """Returns the tokenizer of a folder, its preprocessor, and the notes."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    tokenizer, notes = read_tokenizer(str(folder), config["model_type"], config)
    inputs = ["token_ids", "padding_mask"]
    if config["model_type"] in ("bert", "electra", "albert"):
        inputs.append("segment_ids")
    preprocessor = preprocessor_for(tokenizer, inputs)
    preprocessor.sequence_length = LENGTH
    return tokenizer, preprocessor, notes


def as_xlm_roberta(ids):
    """Returns CamemBERT's ids as those of the tokenizer that reads for it."""
    places = {5: 0, 1: 1, 6: 2, 3: 3}
    return [places.get(number, number - 3) for number in ids]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_ids_are_those_of_transformers(name, form, tmp_path):
    folder = fixture(name, tmp_path)
    for file in FORMS[form]:
        (folder / file).unlink(missing_ok=True)
    if not any((folder / file).exists() for file in (*OLD_FILES, "tokenizer.json")):
        pytest.skip("has no such files")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert missing_files(folder, config["model_type"], config) == []
    tokenizer, preprocessor, _ = read(folder)
    known = expected(name)
    by_proto = isinstance(tokenizer, keras_hub.tokenizers.SentencePieceTokenizer)
    wanted = known.ids | known.ids_as_text | (known.ids_by_sentencepiece if by_proto else {})
    is_camembert = config["model_type"] == "camembert"
    packed = {k: np.asarray(v) for k, v in preprocessor([*TEXTS.values()], y=None).items()}
    special = [tokenizer.start_token_id, tokenizer.end_token_id, tokenizer.pad_token_id]
    wrong = {}
    for row, text in enumerate(TEXTS):
        if "\0" in TEXTS[text] and not isinstance(tokenizer, BertTokenizer):
            continue  # which no text has that is read here, and BERT drops
        ids = packed["token_ids"][row][packed["padding_mask"][row].astype(bool)].tolist()
        if text == "special tokens" and by_proto and text not in known.ids_by_sentencepiece:
            assert set(ids[1:-1]) & set(special) == set()  # `tokenizers` finds such pieces
            continue
        right = as_xlm_roberta(wanted[text]) if is_camembert else wanted[text]
        if ids != right:
            wrong[text] = (ids, right)
    assert wrong == {}, type(tokenizer).__name__


def test_more_tokens_than_the_embeddings_have_are_refused_with_a_way_out(tmp_path):
    folder = fixture("bert", tmp_path)
    config = ModelConfig(backbone=str(folder), max_length=16)
    rows = load_backbone(config).backbone.vocabulary_size
    (folder / "tokenizer.json").unlink()
    words = [f"guichet{number}" for number in range(rows)]
    (folder / "added_tokens.json").write_text(
        json.dumps({word: rows + number for number, word in enumerate(words)})
    )
    with pytest.raises(ConfigError, match="resize_token_embeddings") as caught:
        load_backbone(config)
    assert f"embeddings {rows:,} rows" in str(caught.value)


def test_files_are_opened_under_a_hubs_name(monkeypatch, tmp_path):
    folder = fixture("camembert_json", tmp_path)
    asked = []

    def get_file(preset, name):
        asked.append((preset, name))
        if not (folder / name).is_file():
            raise FileNotFoundError(name)
        return str(folder / name)

    monkeypatch.setattr(preset_utils, "get_file", get_file)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    here, _ = read_tokenizer(str(folder), "camembert", config)
    there, _ = read_tokenizer("hf://almanach/camembert-base", "camembert", config)
    assert ("hf://almanach/camembert-base", "tokenizer.json") in asked
    assert there(["l'été"]) == here(["l'été"])
    assert there.proto == here.proto
