"""What a config.json of Hugging Face says, read with the defaults of `transformers`.

A form that the backbones here do not compute is refused by its key: never computed otherwise.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from mtc_keras.errors import listed

DECODER = "what reads from left to right is no encoder: take one that is"
# Of config.json's keys, those that change what a model computes, each with the values at which it
# does not, and what to do about others.
PLAIN: dict[str, tuple[tuple[Any, ...], str]] = {
    "position_embedding_type": (
        (None, "absolute"),
        "only absolute positions are computed: take a checkpoint that has them",
    ),
    "is_decoder": ((None, False), DECODER),
    "add_cross_attention": ((None, False), DECODER),
    "pruned_heads": (
        (None, {}, []),
        "layers of fewer heads are not computed: take the checkpoint from before",
    ),
    "quantization_config": (
        (None, {}),
        "quantized weights are not read: take the checkpoint from before",
    ),
}

# Keras' names of what Hugging Face calls `hidden_act`; `gelu_approximate` is by tanh.
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_approximate",
    "gelu_fast": "gelu_approximate",
    "gelu_accurate": "gelu_approximate",
    "gelu_pytorch_tanh": "gelu_approximate",
    "gelu_python_tanh": "gelu_approximate",
    "hardswish": "hard_silu",
    "linear": "linear",
    "mish": "mish",
    "relu": "relu",
    "relu6": "relu6",
    "sigmoid": "sigmoid",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
}


def activation(config: Mapping[str, Any], key: str, default: str = "gelu") -> str:
    """Returns Keras' name of an activation.

    Raises:
        ValueError: if Keras has none that Hugging Face calls so.
    """
    name = config.get(key)
    if name is None:
        name = default
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ValueError(
            f"config.json: {key} is {name!r:.80}, an activation that Keras lacks; it may be "
            f"{listed(list(ACTIVATIONS))}"
        )
    return ACTIVATIONS[name]


def whole_number(config: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """Returns a size or an id.

    Raises:
        ValueError: if it is no whole number from 0, or is missing and has no default.
    """
    found = config.get(key)
    if found is None:
        found = default
    if found is None:
        raise ValueError(f"config.json lacks {key}")
    if type(found) is not int or found < 0:
        raise ValueError(f"config.json: {key} is {found!r:.80}, and no whole number from 0")
    return found


def fraction(config: Mapping[str, Any], key: str, default: float) -> float:
    """Returns a number from 0 up to 1, such as a dropout.

    Raises:
        ValueError: if it is another.
    """
    found = config.get(key)
    if found is None:
        return default
    if type(found) not in (int, float) or not 0 <= found < 1:
        raise ValueError(f"config.json: {key} is {found!r:.80}, and no number from 0 below 1")
    return float(found)


def flag(config: Mapping[str, Any], key: str, default: bool = False) -> bool:
    """Returns a switch.

    Raises:
        ValueError: if it is neither true nor false.
    """
    found = config.get(key)
    if found is None:
        return default
    if not isinstance(found, bool):
        raise ValueError(f"config.json: {key} is {found!r:.80}, and neither true nor false")
    return found


def sizes_of(config: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, int]:
    """Returns sizes by the names that a backbone's class gives them.

    Args:
        config: the content of a config.json.
        names: its key of each size.

    Raises:
        ValueError: naming all that are missing.
    """
    if missing := [key for key in names.values() if config.get(key) is None]:
        raise ValueError(f"config.json lacks {', '.join(missing)}")
    return {name: whole_number(config, key) for name, key in names.items()}


def check_plain(config: Mapping[str, Any], plain: Iterable[str] = PLAIN) -> None:
    """Checks that a model is an encoder without what KerasHub's layers do not compute.

    Raises:
        ValueError: naming the first key that says otherwise, and its value.
    """
    code = config.get("auto_map")
    if isinstance(code, dict) and "AutoModel" in code:
        raise ValueError("config.json names its own code (auto_map), which is never run")
    for key in plain:
        plain_values, way = PLAIN[key]
        if config.get(key) not in plain_values:
            raise ValueError(f"config.json: {key} is {config[key]!r:.80}; {way}")


def check_heads(sizes: Mapping[str, int], hidden: str, heads: str) -> None:
    """Checks that heads of attention share the width of the states evenly.

    Raises:
        ValueError: if they do not.
    """
    if not sizes["num_heads"] or sizes["hidden_dim"] % sizes["num_heads"]:
        raise ValueError(
            f"config.json: {hidden} ({sizes['hidden_dim']}) must be a multiple of {heads} "
            f"({sizes['num_heads']})"
        )


# The names of sizes that nearly all encoders share.
USUAL_SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
}


def usual_config(config: Mapping[str, Any], *, hidden_act: str = "gelu") -> dict[str, Any]:
    """Returns what the config.json of BERT and its relatives says to a KerasHub backbone.

    Args:
        config: the content of a config.json.
        hidden_act: the family's activation where config.json has none.
    """
    check_plain(config)
    sizes = sizes_of(config, USUAL_SIZES)
    check_heads(sizes, "hidden_size", "num_attention_heads")
    return {
        **sizes,
        "dropout": fraction(config, "hidden_dropout_prob", 0.1),
        "activation": activation(config, "hidden_act", hidden_act),
        "layer_norm_epsilon": fraction(config, "layer_norm_eps", 1e-12),
    }


def dropout_notes(config: Mapping[str, Any]) -> list[str]:
    """Tells of two dropouts, of which KerasHub's layers have one."""
    pairs = (
        ("hidden_dropout_prob", "attention_probs_dropout_prob"),
        ("dropout", "attention_dropout"),
        ("mlp_dropout", "attention_dropout"),
        ("mlp_dropout", "embedding_dropout"),
    )
    return [
        f"config.json has {one} {config[one]} and {other} {config[other]}: in training, {one} is "
        "used for both; [model] backbone_dropout sets another"
        for one, other in pairs
        if one in config and other in config and config[one] != config[other]
    ]
