"""The layers of a backbone: how deep each lies, which are trained, how many tokens they read."""

import re
from typing import TYPE_CHECKING

from mtc_keras.errors import ConfigError

if TYPE_CHECKING:
    import keras
    import keras_hub


def length_limit(backbone: "keras_hub.models.Backbone") -> int | None:
    """Returns the most tokens that a backbone reads, `None` where it has no limit."""
    limit = getattr(backbone, "max_sequence_length", None)
    return None if limit is None else int(limit)


def layer_depths(backbone: "keras_hub.models.Backbone") -> dict["keras.layers.Layer", int]:
    """Returns the depth of each layer of a backbone.

    0 for embeddings and all before the first transformer layer, `i + 1` for transformer
    layer `i` (KerasHub names them `…_layer_<i>`, ALBERT's groups of shared ones
    `group_<g>_inner_layer_<i>`), one more for what comes after the last.
    """
    places = {layer: _place(layer.name) for layer in backbone.layers}
    order = sorted({place for place in places.values() if place is not None})
    depths, seen = {}, False
    for layer, place in places.items():
        seen = seen or place is not None
        after = len(order) + 1 if seen else 0
        depths[layer] = after if place is None else order.index(place) + 1
    return depths


def num_layers(depths: dict["keras.layers.Layer", int]) -> int:
    """Returns the number of transformer layers among the depths of `layer_depths`."""
    return len({depth for layer, depth in depths.items() if _place(layer.name) is not None})


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


def _place(layer_name: str) -> tuple[int, int] | None:
    """Returns where a transformer layer stands: its group, 0 but in ALBERT, and its number."""
    # Layer norms such as `embeddings_layer_norm` do not end in a number.
    match = re.search(r"(?:^group_(\d+)_inner)?_layer_(\d+)$", layer_name)
    return (int(match[1] or 0), int(match[2])) if match else None
