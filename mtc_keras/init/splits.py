"""Which files are which splits, by their names: those given, and those beside them."""

import os
import re

from mtc_keras.data.formats.files import READERS
from mtc_keras.data.sources import Files
from mtc_keras.data.split_words import WORDS

_WORD = re.compile("|".join(sorted(WORDS, key=len, reverse=True)), re.IGNORECASE)


def split_of(path: str) -> str:
    """Returns the split that a file's name tells, `""` if it tells none."""
    found = _in_name(path)
    return WORDS[found[0].lower()] if found else ""


def given_splits(files: list[str] | dict[str, str]) -> dict[str, Files]:
    """Returns files by split; those whose names tell none are trained on.

    Args:
        files: paths, or those of parallel files by column.
    """
    if isinstance(files, dict):
        return {"train": files}
    found: dict[str, list[str]] = {}
    for path in files:
        found.setdefault(split_of(path) or "train", []).append(path)
    if "train" not in found:  # a single `test.csv` is what there is
        return {"train": files[0] if len(files) == 1 else files}
    return {split: paths[0] if len(paths) == 1 else paths for split, paths in found.items()}


def files_beside(files: Files) -> dict[str, Files]:
    """Returns the files beside those of training rows that their names suggest, by split."""
    if isinstance(files, list):
        return {}
    if isinstance(files, str):
        return dict(_siblings(files))
    by_column = {column: _siblings(path) for column, path in files.items()}
    return {
        split: {column: found[split] for column, found in by_column.items()}
        for split in ("validation", "test")
        if all(split in found for found in by_column.values())
    }


def _siblings(path: str) -> dict[str, str]:
    match = _in_name(path)
    if match is None or WORDS[match[0].lower()] != "train":
        return {}
    folder, name = os.path.split(path)
    before, after = name[: match.start()], name[match.end() :]
    found: dict[str, str] = {}
    for other in sorted(os.listdir(folder or ".")):
        middle = other[len(before) : len(other) - len(after)].lower()
        is_one = other.startswith(before) and other.endswith(after) and middle in WORDS
        if is_one and WORDS[middle] != "train":
            found.setdefault(WORDS[middle], os.path.join(folder, other))
    return found


def stem(path: str) -> str:
    """Returns what to call a run on a file: its name, or its folder's if it tells only a split."""
    folder, name = os.path.split(os.path.abspath(path))
    for ending in (".gz", ".zip", *READERS, ".parquet", ".xlsx", ".txt"):
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    bare = re.sub(r"[^A-Za-z0-9]+", "_", _WORD.sub("", name) if _in_name(path) else name).strip("_")
    return bare or re.sub(r"[^A-Za-z0-9]+", "_", os.path.basename(folder)).strip("_") or "first"


def _in_name(path: str) -> "re.Match[str] | None":
    """Returns the word of a split in a file's name, if it stands there by itself."""
    name = os.path.basename(path)
    for match in _WORD.finditer(name):
        before, after = name[: match.start()], name[match.end() :]
        if not before[-1:].isalpha() and not after[:1].isalpha():
            return match
    return None
