"""Backbones with the activation and the epsilon that a checkpoint was trained with.

KerasHub's classes have them built in: GELU by tanh where Hugging Face's "gelu" is exact, or an
epsilon of 1e-5. Where a checkpoint says otherwise, a class of the same name is made here, which
keeps both in its config.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import keras
import keras_hub

from mtc_keras.errors import listed
from mtc_keras.model.backbones.described import ACTIVATIONS
from mtc_keras.model.backbones.families import Family

if TYPE_CHECKING:
    from keras_hub.models import Backbone
else:
    # When a model is made, Keras puts `Functional` among the bases of its class, which it cannot
    # where two of them derive from `Backbone`.
    Backbone = object

register = keras.saving.register_keras_serializable("mtc_keras")


def gelu_approximate(x: Any) -> Any:
    """Returns GELU by tanh, Hendrycks & Gimpel 2016 (arXiv 1606.08415)."""
    return keras.activations.gelu(x, approximate=True)


# What KerasHub's classes have built in; a test compares.
BUILT_IN: dict[str, tuple[Callable[[Any], Any], float]] = {
    "BertBackbone": (gelu_approximate, 1e-12),
    "RobertaBackbone": (keras.activations.gelu, 1e-5),
    "XLMRobertaBackbone": (keras.activations.gelu, 1e-5),
    "DistilBertBackbone": (keras.activations.gelu, 1e-12),
    "AlbertBackbone": (gelu_approximate, 1e-12),
}


class AsTrained(Backbone):
    """Gives a KerasHub backbone another activation and epsilon.

    Args:
        activation: the name of that of the layers' intermediate states, as in
            `described.ACTIVATIONS`.
        layer_norm_epsilon: float. What all layer norms add to a variance.
        **kwargs: the arguments of the KerasHub class.
    """

    def __init__(self, *, activation: str, layer_norm_epsilon: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activation
        self.layer_norm_epsilon = layer_norm_epsilon
        function = activation_named(activation)
        for layer in self._flatten_layers():
            if isinstance(layer, keras.layers.LayerNormalization):
                layer.epsilon = layer_norm_epsilon
            intermediate = getattr(layer, "_feedforward_intermediate_dense", None)
            if intermediate is not None:
                layer.activation = intermediate.activation = function
                layer.layer_norm_epsilon = layer_norm_epsilon

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the backbone."""
        return {
            **super().get_config(),
            "activation": self.activation,
            "layer_norm_epsilon": self.layer_norm_epsilon,
        }


@register
class BertBackbone(AsTrained, keras_hub.models.BertBackbone):
    """BERT as it was trained."""


@register
class RobertaBackbone(AsTrained, keras_hub.models.RobertaBackbone):
    """RoBERTa as it was trained."""


@register
class XLMRobertaBackbone(AsTrained, keras_hub.models.XLMRobertaBackbone):
    """XLM-RoBERTa as it was trained."""


@register
class DistilBertBackbone(AsTrained, keras_hub.models.DistilBertBackbone):
    """DistilBERT as it was trained."""


@register
class AlbertBackbone(AsTrained, keras_hub.models.AlbertBackbone):
    """ALBERT as it was trained."""


@register
class ElectraBackbone(AsTrained, keras_hub.models.ElectraBackbone):
    """ELECTRA as it was trained; its vocabulary's size has the name that others give it."""

    def __init__(self, *, vocabulary_size: int, **kwargs: Any) -> None:
        super().__init__(vocab_size=vocabulary_size, **kwargs)
        self.vocabulary_size = vocabulary_size

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the backbone."""
        config = super().get_config()
        return {"vocabulary_size": config.pop("vocab_size"), **config}


def activation_named(name: str) -> Callable[[Any], Any]:
    """Returns an activation by its name: one of Keras', or `"gelu_approximate"`.

    Raises:
        ValueError: if there is none.
    """
    if name not in ACTIVATIONS.values():
        known = sorted(set(ACTIVATIONS.values()))
        raise ValueError(f"activation is {name!r:.80}, which is none of {listed(known)}")
    if name == "gelu_approximate":
        return gelu_approximate
    found: Callable[[Any], Any] = getattr(keras.activations, name)
    return found


def make_backbone(
    family: Family, config: Mapping[str, Any], **options: Any
) -> keras_hub.models.Backbone:
    """Returns the backbone of a checkpoint's config.json, its weights still random.

    Args:
        family: the checkpoint's `Family`.
        config: the arguments that the family's `backbone_config` gives.
        **options: other arguments, such as `dtype` and `dropout`.
    """
    arguments = {**config, **options}
    package, _, name = family.backbone.rpartition(".")
    kind = getattr(import_module(package), name)
    if name in BUILT_IN and kind.__module__.startswith("keras_hub."):
        function, epsilon = BUILT_IN[name]
        same = activation_named(config["activation"]) is function
        if same and config["layer_norm_epsilon"] == epsilon:
            del arguments["activation"], arguments["layer_norm_epsilon"]
        else:
            kind = globals()[name]
    return kind(**arguments)
