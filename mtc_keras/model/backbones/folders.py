"""A backbone's folder, checked before anything large is read: complete, long enough, no bomb."""

from pathlib import Path
from typing import Any

from mtc_keras.config import ModelConfig
from mtc_keras.errors import ConfigError, listed
from mtc_keras.files import file_problem, read_json
from mtc_keras.model.backbones.families import FAMILIES
from mtc_keras.model.checking import (
    MOST_ASSET,
    PREPROCESSOR,
    backbone_numbers,
    check_backbone_size,
)
from mtc_keras.model.saved import first_problem
from mtc_keras.model.saved_classes import check_classes
from mtc_keras.model.saved_sizes import BackboneSizes, check_parameters, stored_numbers

# The types of Hugging Face model that KerasHub converts and has a text classifier's
# preprocessor for, each with the tokenizer's files that its converter opens.
WORD_PIECE = ("tokenizer_config.json", "vocab.txt")
SENTENCE_PIECE = "sentencepiece.bpe.model"
HUGGING_FACE_TYPES: dict[str, tuple[str, ...]] = {
    "albert": ("spiece.model",),
    "bert": WORD_PIECE,
    "distilbert": WORD_PIECE,
    "roberta": ("vocab.json", "merges.txt"),
    "xlm-roberta": (SENTENCE_PIECE,),
}
ASSETS = (".json", ".txt", ".model", ".spm", ".vocab", ".merges")  # read whole into memory


def check_backbone_folder(folder: Path, config: ModelConfig) -> None:
    """Checks that a folder holds all that KerasHub opens, and is long enough."""
    where = f"model.backbone: {str(folder)!r}"
    if not (folder / "config.json").is_file():
        raise ConfigError(
            f"{where} has no config.json, so it is neither a KerasHub preset nor a "
            "Hugging Face model"
        )
    description = _read_json(folder / "config.json", where)
    limit = described_limit(description, where)
    if "registered_name" in description:
        needed: tuple[str, ...] = ("tokenizer.json", "assets/tokenizer")
        weights = ("model.weights.h5", "model.weights.json")
    else:
        needed = HUGGING_FACE_TYPES[description["model_type"]]
        weights = ("model.safetensors", "model.safetensors.index.json")
    tokenizer = folder / "tokenizer_config.json"
    problems = []
    if tokenizer.name in needed and tokenizer.is_file():
        settings = _read_json(tokenizer, where)
        if "XLMRoberta" in str(settings.get("tokenizer_class")):  # such as multilingual-e5
            needed = (SENTENCE_PIECE,)
        elif "do_lower_case" not in settings:
            problems = [
                "tokenizer_config.json lacks do_lower_case: "
                "add true for an uncased model, false for a cased one"
            ]
    problems += [f"{name} is missing" for name in needed if not (folder / name).exists()]
    if not any((folder / name).is_file() for name in weights):
        problems.append(f"{' or '.join(weights)} is missing")
    if problems:
        raise ConfigError(f"{where} cannot be read", problems)
    check_length(config.max_length, limit, str(folder))
    try:
        _check_weights(folder, description)
    except ValueError as error:
        raise ConfigError(f"{where} cannot be read", [first_problem(error)]) from None


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
    index = folder / "model.safetensors.index.json"
    names = {"model.safetensors"}
    if not (folder / "model.safetensors").exists():
        described = read_json(index)
        parts = described.get("weight_map") if isinstance(described, dict) else None
        if not isinstance(parts, dict) or not parts:
            raise ValueError(f"{index.name} names no parts")
        names = {Path(str(name)).name for name in parts.values()}
    stored = 0
    for name in sorted(names):
        try:
            stored += stored_numbers(folder / name)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
    sizes = BackboneSizes.of_hugging_face(description)
    check_parameters(sizes.parameters, stored, "model.safetensors")


def _read_json(path: Path, where: str) -> dict[str, Any]:
    try:
        content = read_json(path)
    except ValueError as error:
        raise ConfigError(f"{where}: {path.name} {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{where}: {path.name} must hold an object")
    return content


def described_limit(description: dict[str, Any], where: str) -> int | None:
    """Returns the limit of tokens in a config.json; refuses what KerasHub cannot convert."""
    if "registered_name" in description:
        config = description.get("config")
        if not isinstance(config, dict):
            raise ConfigError(f"{where}: config.json describes no backbone")
        return _tokens(config, "max_sequence_length", where)
    kind = description.get("model_type")
    if not isinstance(kind, str) or kind not in HUGGING_FACE_TYPES:
        raise ConfigError(
            f"{where} is a model of type {kind!r}; KerasHub reads "
            f"{listed(list(HUGGING_FACE_TYPES))}"
        )
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
