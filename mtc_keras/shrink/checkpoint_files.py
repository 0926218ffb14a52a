"""The files of a Hugging Face checkpoint that go with it, and those that name ids of tokens."""

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtc_keras.errors import ConfigError
from mtc_keras.files import file_problem, is_left_by_system, read_json, readable_json
from mtc_keras.model.backbones.families import FAMILIES
from mtc_keras.model.backbones.names import preset_of
from mtc_keras.tokenization.folder import ADDED, Folder
from mtc_keras.tokenization.folder import CONFIG as TOKENIZER_CONFIG

CONFIG, README = "config.json", "README.md"
GENERATION = "generation_config.json"
ID = re.compile(r"_token_ids?$")  # keys of ids
# The same model for other programs, and what lists its old pieces once more.
OTHER_FORMATS = re.compile(
    r"(onnx|openvino|coreml|gguf|tflite)/.*|[^/]*\.(bin|bin\.index\.json|h5|msgpack|onnx|ot|pt|pth"
    r"|ckpt|tflite|gguf|safetensors|safetensors\.index\.json|vocab)|dict\.txt|vocab\.json|merges\.txt"
)
HUB = "hf://"
WANTED = ("*.json", "*.txt", "*.model", "*.safetensors", "*.md")
UNWANTED = ("onnx/*", "openvino/*", "coreml/*")


def checkpoint_folder(backbone: str) -> Path:
    """Returns the folder of a checkpoint; one of a hub is fetched.

    Raises:
        ConfigError: if there is none, or it is no checkpoint of Hugging Face.
    """
    where = f"backbone {backbone!r}"
    preset = preset_of(backbone)
    if preset.startswith(HUB):
        return _fetched(preset.removeprefix(HUB), where)
    folder = Path(preset)
    if not (folder / CONFIG).is_file():
        raise ConfigError(
            f"{where} is no folder of a Hugging Face model, which holds config.json; it may be "
            "such a folder, 'hf://…' or 'minilm'"
        )
    return folder


def _fetched(name: str, where: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=[*WANTED], ignore_patterns=[*UNWANTED]))
    except Exception as error:  # the client raises errors of several libraries
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ConfigError(f"{where} cannot be fetched: {reason}") from error


def read_config(folder: Path, where: str) -> dict[str, Any]:
    """Returns what a checkpoint's config.json says.

    Raises:
        ConfigError: if it is no description of a Hugging Face model.
    """
    try:
        config = read_json(folder / CONFIG)
    except ValueError as error:
        raise ConfigError(f"{where}: {CONFIG} {error}") from None
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ConfigError(
            f"{where} is no Hugging Face model (its {CONFIG} has no model_type); a preset of "
            "KerasHub cannot be cut"
        )
    return config


def needed_ids(folder: Path, config: Mapping[str, Any]) -> set[int]:
    """Returns the ids that a checkpoint's files name, which are kept whatever the texts are.

    Raises:
        ValueError: if one of the files cannot be read.
    """
    found: set[int] = set()
    for key, value in config.items():
        if ID.search(key):
            found |= {i for i in (value if isinstance(value, list) else [value]) if is_id(i)}
    found |= _added(folder).keys()
    family = FAMILIES.get(config["model_type"])
    if family is not None and family.positions == "after padding":
        # Positions are counted from it on, so it must stay what it is.
        padding = config.get("pad_token_id")
        found |= set(range(padding + 1 if isinstance(padding, int) else 2))
    return found


def is_id(value: Any) -> bool:
    """Whether a value of a config is an id; some are lists of names, or -1."""
    return type(value) is int and value >= 0


def _added(folder: Path) -> dict[int, str]:
    """Returns the names of added tokens by id, as the files beside the vocabulary have them."""
    files = Folder(folder)
    decoder = files.table(TOKENIZER_CONFIG).get("added_tokens_decoder") or {}
    by_name = files.table(ADDED)
    found = {int(i): str(token) for i, token in decoder.items()}
    return found | {int(i): name for name, i in by_name.items()}


def renumbered_files(
    folder: Path, config: Mapping[str, Any], rows: Sequence[int]
) -> dict[str, bytes]:
    """Returns the files that name ids, with the new ones.

    Args:
        folder: the checkpoint.
        config: the content of its config.json.
        rows: the old ids that are kept, in order.
    """
    files, new = Folder(folder), {row: number for number, row in enumerate(rows)}
    written = {CONFIG: {**_with_ids(config, new), "vocab_size": len(rows)}}
    if generation := files.table(GENERATION):
        written[GENERATION] = _with_ids(generation, new)
    settings = files.table(TOKENIZER_CONFIG)
    if decoder := settings.get("added_tokens_decoder"):
        table = {str(new[int(i)]): token for i, token in decoder.items() if int(i) in new}
        written[TOKENIZER_CONFIG] = {**settings, "added_tokens_decoder": table}
    if by_name := files.table(ADDED):
        written[ADDED] = {name: new[i] for name, i in by_name.items() if i in new}
    return {name: readable_json(value).encode() for name, value in written.items()}


def _with_ids(config: Mapping[str, Any], new: Mapping[int, int]) -> dict[str, Any]:
    def renumbered(value: Any) -> Any:
        if isinstance(value, list):
            return [renumbered(item) for item in value]
        return new.get(value, value) if is_id(value) else value

    return {key: renumbered(value) if ID.search(key) else value for key, value in config.items()}


def other_files(folder: Path, taken: Sequence[str]) -> tuple[list[str], list[str]]:
    """Returns the other files that belong to a checkpoint, and those that are left out.

    Args:
        folder: the checkpoint.
        taken: names of the files that are written anew.

    Raises:
        ConfigError: if one is no regular file.
    """
    kept, left_out = [], []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        name = "/".join(parts)
        hidden = any(part.startswith(".") or is_left_by_system(part) for part in parts)
        if hidden or path.is_dir() or name in (*taken, README):
            continue
        if OTHER_FORMATS.fullmatch(name):
            left_out.append(name)
        elif problem := file_problem(path):
            raise ConfigError(f"backbone {str(folder)!r}: {name} {problem}")
        else:
            kept.append(name)
    return kept, left_out


def copy_files(folder: Path, names: Sequence[str], out: Path) -> None:
    """Copies files with the folders that they lie in."""
    for name in names:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, out / name)


def model_card(folder: Path, note: str) -> bytes:
    """Returns a README with a note above what the checkpoint's own says, below its metadata."""
    path = folder / README
    text = path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""
    head = ""
    if text.startswith("---\n") and "\n---\n" in text[4:]:
        head, _, text = text[4:].partition("\n---\n")
        head = f"---\n{head}\n---\n\n"
    return f"{head}{note}\n{text and chr(10)}{text}".encode()
