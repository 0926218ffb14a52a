"""Backbones that KerasHub publishes, or that `save_to_preset` has written."""

from collections.abc import Mapping
from typing import Any

import keras_hub
from keras_hub.src.utils.preset_utils import (
    check_config_class,
    check_file_exists,
    find_subclass,
    get_preset_loader,
    load_json,
)

import mtc_keras.model.backbones.registered  # noqa: F401  so that presets load
from mtc_keras.model.checking import PREPROCESSOR


def load_keras_hub_preset(
    preset: str, load_weights: bool, options: Mapping[str, Any]
) -> tuple[keras_hub.models.Backbone, keras_hub.models.TextClassifierPreprocessor]:
    """Loads a backbone and its preprocessor.

    Args:
        preset: a folder, a hub's name, or the name of one of KerasHub's presets.
        load_weights: bool. `False` leaves the weights random.
        options: arguments of the backbone, such as `dtype` and `dropout`.
    """
    preprocessor = _preprocessor(preset)
    backbone = keras_hub.models.Backbone.from_preset(preset, load_weights=load_weights, **options)
    return backbone, preprocessor


def _preprocessor(preset: str) -> keras_hub.models.TextClassifierPreprocessor:
    """Returns the preprocessor that was saved beside a backbone, or else KerasHub's for it."""
    kind = keras_hub.models.TextClassifierPreprocessor
    loader = get_preset_loader(preset)
    if check_file_exists(preset, PREPROCESSOR) and issubclass(
        check_config_class(load_json(preset, PREPROCESSOR)), kind
    ):
        return loader.load_preprocessor(kind)
    # Of a class of our own, the one of KerasHub that it derives from.
    backbone = next(
        base
        for base in loader.check_backbone_class().__mro__
        if base.__module__.startswith("keras_hub.")
    )
    return loader.load_preprocessor(find_subclass(preset, kind, backbone))
