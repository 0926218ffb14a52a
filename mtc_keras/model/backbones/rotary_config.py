"""What a config.json of Hugging Face says of rotary positions, in all its spellings."""

from collections.abc import Mapping
from typing import Any


def wavelength(
    config: Mapping[str, Any], key: str, default: float | None, kind: str | None = None
) -> float:
    """Returns the base of the positions' wavelengths, called theta.

    Args:
        config: the content of a config.json.
        key: its key in files of transformers 4, such as `"rope_theta"`.
        default: where none is given; `None` if one must be.
        kind: the kind of layer under which files of transformers 5 have it, such as
            `"full_attention"`; default: all layers have the same.

    Raises:
        ValueError: if it is no number above 0, is missing, or positions are stretched.
    """
    parameters = _table(config, "rope_parameters")
    if kind is not None:
        parameters = _table(parameters, kind)
    for name, table in (
        ("rope_parameters", parameters),
        ("rope_scaling", _table(config, "rope_scaling")),
    ):
        stretched = table.get("rope_type", table.get("type", "default"))
        if stretched != "default":
            raise ValueError(
                f"config.json: {name} has the type {stretched!r:.80}, a form of positions that "
                "is not computed here; it must be 'default'"
            )
    for found in (parameters.get("rope_theta"), config.get(key), default):
        if found is None:
            continue
        if type(found) not in (int, float) or not found > 0:
            raise ValueError(f"config.json: {key} is {found!r:.80}, and no number above 0")
        return float(found)
    raise ValueError(f"config.json lacks {key}")


def _table(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = config.get(key)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise ValueError(f"config.json: {key} is {found!r:.80}, and no object")
    return found


def check_even_heads(sizes: Mapping[str, int]) -> None:
    """Checks that each head's numbers can be turned in pairs.

    Raises:
        ValueError: if they cannot.
    """
    if (numbers := sizes["hidden_dim"] // sizes["num_heads"]) % 2:
        raise ValueError(
            f"config.json: each of the {sizes['num_heads']} heads of attention has {numbers} "
            "numbers, which rotary positions cannot turn in pairs"
        )
