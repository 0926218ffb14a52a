"""From a checkpoint of Hugging Face to a Keras backbone and its preprocessor."""

from collections.abc import Mapping
from typing import Any

import keras_hub

from mtc_keras.errors import plural
from mtc_keras.model.backbones.as_trained import make_backbone
from mtc_keras.model.backbones.checkpoint import Checkpoint
from mtc_keras.model.backbones.described import dropout_notes, fraction
from mtc_keras.model.backbones.families import FAMILIES, converter_of
from mtc_keras.model.backbones.folders import WEIGHTS, sizes_of_checkpoint
from mtc_keras.model.saved_sizes import check_parameters
from mtc_keras.tokenization.preprocessor import preprocessor_for
from mtc_keras.tokenization.reading import read_tokenizer


def load_checkpoint(
    preset: str, config: Mapping[str, Any], *, load_weights: bool, options: Mapping[str, Any]
) -> tuple[keras_hub.models.Backbone, keras_hub.models.TextClassifierPreprocessor, list[str]]:
    """Loads a checkpoint of one of the `FAMILIES`.

    Args:
        preset: a folder, or a hub's name such as `"hf://…"`.
        config: the content of its config.json.
        load_weights: bool. `False` leaves the weights random.
        options: arguments of the backbone beside those of the config: `dtype`, `dropout`.

    Returns:
        A `keras_hub.models.Backbone`, a `keras_hub.models.TextClassifierPreprocessor`, and what
        is to be told, one line each.

    Raises:
        ValueError: if the checkpoint is of another form, or its weights are not all there.
    """
    tokenizer, told = read_tokenizer(preset, config["model_type"], config)
    tokens, rows = tokenizer.vocabulary_size(), sizes_of_checkpoint(config).vocabulary_size
    if tokens > rows:  # before any weight is read
        raise ValueError(
            f"its tokenizer has {tokens:,} tokens, its embeddings {rows:,} rows (vocab_size in "
            "config.json): take the files of one checkpoint; after tokens were added, the model "
            "is saved behind model.resize_token_embeddings(len(tokenizer))"
        )
    backbone, notes = load_encoder(preset, config, load_weights=load_weights, options=options)
    return backbone, preprocessor_for(tokenizer, backbone.input), [*told, *notes]


def load_encoder(
    preset: str, config: Mapping[str, Any], *, load_weights: bool, options: Mapping[str, Any]
) -> tuple[keras_hub.models.Backbone, list[str]]:
    """Loads the backbone of a checkpoint, as `load_checkpoint` does, without a preprocessor."""
    family = FAMILIES[config["model_type"]]
    if family.gives_way_to and hasattr(keras_hub.models, family.gives_way_to):
        kind = keras_hub.models.Backbone  # which has a converter of its own by then
        return kind.from_preset(preset, load_weights=load_weights, **options), []
    converter = converter_of(family)
    described = converter.backbone_config(config)
    parameters = sizes_of_checkpoint(config).parameters
    notes = [] if "dropout" in options else dropout_notes(config)
    if not load_weights:
        return make_backbone(family, described, **options), notes
    with Checkpoint(preset, family, fraction(config, "initializer_range", 0.02)) as checkpoint:
        check_parameters(parameters, checkpoint.numbers(), WEIGHTS)
        backbone = make_backbone(family, described, **options)
        converter.convert_weights(backbone, checkpoint, config)
        notes += weights_notes(checkpoint.made, checkpoint.finish())
    return backbone, notes


def weights_notes(made: list[str], unread: list[str]) -> list[str]:
    """Tells of weights that were drawn, and of those that nobody has read."""
    notes = []
    if made:
        notes.append(
            "the checkpoint has no pooler: one is drawn at random, which only "
            'pooling = "pooler" would read, untrained; the other poolings need none'
        )
    if unread:
        notes.append(
            f"{plural(len(unread), 'weight')} of the checkpoint's encoder would not be read by "
            f"such a model, and are left out: {unread[0]} first"
        )
    return notes
