"""A backbone's folder, checked before anything large is read: complete, long enough, no bomb."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtc_keras.config import ModelConfig
from mtc_keras.errors import ConfigError
from mtc_keras.files import file_problem, read_json
from mtc_keras.model.backbones.families import FAMILIES, converter_of, unknown_type
from mtc_keras.model.checking import (
    MOST_ASSET,
    PREPROCESSOR,
    backbone_numbers,
    check_backbone_size,
)
from mtc_keras.model.saved import first_problem
from mtc_keras.model.saved_classes import check_classes
from mtc_keras.model.saved_sizes import BackboneSizes, check_parameters, stored_numbers
from mtc_keras.tokenization.reading import missing_files

PART = re.compile(r"[\w.-]+\.safetensors")  # a file beside the index
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
OF_KERAS_HUB = ("model.weights.h5", "model.weights.json")
# Weights in forms that are never opened here: a pickle runs whatever code it holds.
OTHER_WEIGHTS = (
    *("pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack"),
)
ASSETS = (".json", ".txt", ".model", ".spm", ".vocab", ".merges")  # read whole into memory


def check_backbone_folder(folder: Path, config: ModelConfig) -> None:
    """Checks that a folder holds all that is opened of it, and is long enough."""
    where = f"model.backbone: {str(folder)!r}"
    if not (folder / "config.json").is_file():
        raise ConfigError(
            f"{where} has no config.json, so it is neither a KerasHub preset nor a "
            "Hugging Face model"
        )
    description = _read_json(folder / "config.json", where)
    limit = described_limit(description, where)
    if "registered_name" in description:
        problems = [
            f"{name} is missing"
            for name in ("tokenizer.json", "assets/tokenizer")
            if not (folder / name).exists()
        ]
        if not any((folder / name).is_file() for name in OF_KERAS_HUB):
            problems.append(f"{' or '.join(OF_KERAS_HUB)} is missing")
    else:
        problems = [
            *form_problems(description),
            *missing_files(folder, description["model_type"], description),
            *_weights_problems(folder),
        ]
    if problems:
        raise ConfigError(f"{where} cannot be read", problems)
    check_length(config.max_length, limit, str(folder))
    try:
        _check_weights(folder, description)
    except ValueError as error:
        raise ConfigError(f"{where} cannot be read", [first_problem(error)]) from None


def form_problems(description: Mapping[str, Any]) -> list[str]:
    """Returns why the model of a Hugging Face config.json cannot be computed as it is there."""
    try:
        sizes_of_checkpoint(description)
    except ValueError as error:
        return [first_problem(error)]
    return []


def sizes_of_checkpoint(description: Mapping[str, Any]) -> BackboneSizes:
    """Returns the sizes of the backbone that a Hugging Face config.json describes.

    Raises:
        ValueError: if no such backbone can be computed.
    """
    converter = converter_of(FAMILIES[description["model_type"]])
    return BackboneSizes.model_validate(converter.backbone_config(description))


def _weights_problems(folder: Path) -> list[str]:
    if any((folder / name).is_file() for name in (WEIGHTS, INDEX)):
        return []
    others = [name for name in OTHER_WEIGHTS if (folder / name).exists()]
    if not others:
        return [f"{WEIGHTS} or {INDEX} is missing"]
    way = how_to_write_weights(str(folder))
    return [f"{WEIGHTS} is missing, and {others[0]} is never opened; {way}"]


def how_to_write_weights(preset: str) -> str:
    """Returns what to do with a checkpoint whose weights are in another form."""
    name = preset.removeprefix("hf://")
    folder = name if Path(name).is_dir() else f"./{name.rpartition('/')[2]}"
    return (
        f"where transformers is installed, AutoModel.from_pretrained({name!r})"
        f".save_pretrained({folder!r}) writes it"
    )


def parts_of(index: Any) -> dict[str, str]:
    """Returns the file of each weight, of the content of an index of several files.

    Raises:
        ValueError: if it names none, or something else than files of weights beside it.
    """
    parts = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(parts, dict) or not parts:
        raise ValueError(f"{INDEX} names no parts")
    strangers = [name for name in parts.values() if not PART.fullmatch(str(name))]
    if strangers:
        raise ValueError(f"{INDEX} names {strangers[0]!r:.80}, which is no part of it")
    return parts


def _check_weights(folder: Path, description: dict[str, Any]) -> None:
    """Checks that Keras makes a backbone and nothing else, about as large as its weights.

    Raises:
        ValueError: if it would not.
    """
    for path in folder.rglob("*"):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue  # such as .git and .cache, which nobody reads here
        most = MOST_ASSET if path.suffix in ASSETS else None
        if not path.is_dir() and (problem := file_problem(path, most)):
            raise ValueError(f"{path.relative_to(folder).as_posix()}: {problem}")
    if "registered_name" in description:
        for path in (folder / "config.json", folder / "tokenizer.json", folder / PREPROCESSOR):
            if path.exists():
                check_classes(read_json(path))
        check_backbone_size(description, backbone_numbers(folder))
        return
    names = {WEIGHTS}
    if not (folder / WEIGHTS).exists():
        names = set(parts_of(read_json(folder / INDEX)).values())
    stored = 0
    for name in sorted(names):
        try:
            stored += stored_numbers(folder / name)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
    check_parameters(sizes_of_checkpoint(description).parameters, stored, WEIGHTS)


def _read_json(path: Path, where: str) -> dict[str, Any]:
    try:
        content = read_json(path)
    except ValueError as error:
        raise ConfigError(f"{where}: {path.name} {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{where}: {path.name} must hold an object")
    return content


def described_limit(description: dict[str, Any], where: str) -> int | None:
    """Returns the limit of tokens in a config.json; refuses what is of no family known here."""
    if "registered_name" in description:
        config = description.get("config")
        if not isinstance(config, dict):
            raise ConfigError(f"{where}: config.json describes no backbone")
        return _tokens(config, "max_sequence_length", where)
    kind = description.get("model_type")
    if not isinstance(kind, str) or kind not in FAMILIES:
        raise ConfigError(f"{where} {unknown_type(kind, description)}")
    for key in ("max_position_embeddings", "pad_token_id"):
        _tokens(description, key, where)
    return FAMILIES[kind].max_length(description)


def _tokens(config: dict[str, Any], key: str, where: str) -> int | None:
    """Returns the number of tokens under a key, if there is one."""
    found = config.get(key)
    if found is not None and type(found) is not int:
        raise ConfigError(f"{where}: config.json: {key} is {found!r:.80}, and no number")
    return found


def check_length(max_length: int, limit: int | None, backbone: str) -> None:
    """Raises a `ConfigError` if texts may be longer than a backbone reads."""
    if limit is not None and max_length > limit:
        raise ConfigError(
            f"model.max_length: {max_length} is above the {limit} tokens that {backbone!r} reads"
        )
