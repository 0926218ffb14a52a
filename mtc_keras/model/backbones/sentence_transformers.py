"""How a checkpoint of sentence-transformers was trained, told where the config says otherwise.

Its files name a pooling, a length and prompts. None of it is part of the encoder, so the config
decides, and nothing of it is taken over in silence.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from mtc_keras.config import ModelConfig
from mtc_keras.errors import legible
from mtc_keras.files import read_json

MODULES, POOLING_FOLDER = "modules.json", "1_Pooling"
LENGTH_FILE, PROMPTS_FILE = "sentence_bert_config.json", "config_sentence_transformers.json"
# What they call poolings, in old files `pooling_mode_…`, and what we do.
POOLINGS = {
    "cls": "cls",
    "cls_token": "cls",
    "mean": "mean",
    "mean_tokens": "mean",
    "max": "max",
    "max_tokens": "max",
}
OLD_KEY = "pooling_mode_"
# What is built of an encoder's states here, too, or changes no direction.
KNOWN_MODULES = ("Transformer", "Pooling", "Normalize")
# E5's files do not tell its prefixes, but its name does: multilingual-e5-small, e5-base-v2 …
E5 = re.compile(r"(^|[_.-])e5([_.-]|$)(?!.*instruct)", re.IGNORECASE)
E5_PROMPTS = {"query": "query: ", "passage": "passage: "}
SHOWN = 80  # characters of what a stranger's file says
Kind = TypeVar("Kind", dict, list)


def training_notes(preset: str, name: str, config: ModelConfig) -> list[str]:
    """Returns what a checkpoint says of its training that the config does not follow.

    Args:
        preset: a folder, or a hub's name such as `"hf://…"`.
        name: what else the checkpoint is called, as its config.json says; may be empty.
        config: the `[model]` section.

    Returns:
        One line each, empty where the files say nothing or the config agrees.
    """
    notes: list[str] = []
    modules = _read(preset, MODULES, list, notes)
    notes += _modules_notes(modules)
    file = f"{_pooling_folder(modules)}/config.json"
    pooling = _read(preset, file, dict, notes)
    notes += _pooling_notes(pooling, file, config)
    notes += _length_notes(_read(preset, LENGTH_FILE, dict, notes), config)
    prompts = _read(preset, PROMPTS_FILE, dict, notes).get("prompts")
    notes += _prefix_notes(prompts, [Path(preset).name, Path(name).name], config)
    return notes


def _read(preset: str, name: str, kind: type[Kind], notes: list[str]) -> Kind:
    """Returns a JSON file's content, empty where there is none; notes what cannot be read."""
    path = _file(preset, name)
    if path is None:
        return kind()
    try:
        content = read_json(path)
    except ValueError as error:
        notes.append(f"{name} {error}, so that it does not tell how the checkpoint was trained")
        return kind()
    if isinstance(content, kind):
        return content
    notes.append(f"{name} is of an unknown form, and does not tell how the checkpoint was trained")
    return kind()


def _file(preset: str, name: str) -> Path | None:
    if Path(preset).is_dir():
        path = Path(preset) / name
        return path if path.is_file() else None
    from keras_hub.src.utils.preset_utils import check_file_exists, get_file

    return Path(get_file(preset, name)) if check_file_exists(preset, name) else None


def _types(modules: list[Any]) -> Iterator[tuple[str, str]]:
    """Yields kind and folder of each module, such as `("Pooling", "1_Pooling")`."""
    for module in modules:
        if isinstance(module, dict):
            yield str(module.get("type")).rpartition(".")[2], str(module.get("path"))


def _modules_notes(modules: list[Any]) -> list[str]:
    others = [kind for kind, _ in _types(modules) if kind not in KNOWN_MODULES]
    if not others:
        return []
    return [f"{MODULES} puts {others[0]!r:.{SHOWN}} behind the encoder, which is left out"]


def _pooling_folder(modules: list[Any]) -> str:
    folders = [folder for kind, folder in _types(modules) if kind == "Pooling"]
    # A name alone: a stranger's file leads to no other folder.
    return folders[0] if folders and re.fullmatch(r"\w+", folders[0]) else POOLING_FOLDER


def _pooling_notes(content: Mapping[str, Any], file: str, config: ModelConfig) -> list[str]:
    modes = content.get("pooling_mode")
    if modes is None:
        modes = [key.removeprefix(OLD_KEY) for key, on in content.items() if on is True]
        modes = [key for key in modes if f"{OLD_KEY}{key}" in content]
    names = [str(mode) for mode in (modes if isinstance(modes, list) else [modes])]
    ours = POOLINGS.get(names[0]) if len(names) == 1 else None
    if not names or ours == config.pooling:
        return []
    if ours is None:
        shown = " and ".join(repr(name) for name in names)
        return [
            f"it was trained with the pooling {shown:.{SHOWN}} ({file}), which is not computed "
            f'here: pooling = "{config.pooling}" is learned anew'
        ]
    return [
        f'it was trained with pooling = "{ours}" ({file}), and the config has '
        f'"{config.pooling}": [model] pooling = "{ours}" asks it as it was trained'
    ]


def _length_notes(content: Mapping[str, Any], config: ModelConfig) -> list[str]:
    notes = []
    most = content.get("max_seq_length")
    if type(most) is int and 0 < most < config.max_length:
        notes.append(
            f"it was trained with texts of up to {most} tokens ({LENGTH_FILE}), and the config "
            f"has max_length = {config.max_length}"
        )
    if content.get("do_lower_case") is True:
        notes.append(
            f"it was trained with texts in lowercase ({LENGTH_FILE}); texts are read here as its "
            "tokenizer reads them"
        )
    return notes


def _prefix_notes(prompts: Any, names: list[str], config: ModelConfig) -> list[str]:
    found = {
        str(key): prompt
        for key, prompt in (prompts.items() if isinstance(prompts, dict) else ())
        if isinstance(prompt, str) and prompt.strip()
    }
    source = PROMPTS_FILE
    if not found and any(E5.search(name) for name in names):
        found, source = E5_PROMPTS, "as its name, E5, says"
    if not found or config.prefix in found.values():
        return []
    # Classification first; where there is none, E5's authors advise "query: ".
    best = next((key for key in found if "classif" in key.lower()), None)
    best = best or ("query" if "query" in found else next(iter(found)))
    shown = legible(json.dumps(found[best], ensure_ascii=False))
    has = f", and the config has prefix = {json.dumps(config.prefix)}" if config.prefix else ""
    return [
        f"it was trained on texts that begin with {shown:.{SHOWN}} ({source}){has}: "
        f"[model] prefix = {shown:.{SHOWN}} asks it as it was trained"
    ]
