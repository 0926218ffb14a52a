"""A saved model is checked before anything is built of it.

Whoever wrote the folder: its files are regular ones, those that were written, name only classes
that models are built from, and hold as many weights as they say that the model has.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from mtc_keras.errors import DataError
from mtc_keras.files import (
    SUMS,
    changed_files,
    file_problem,
    is_left_by_system,
    read_json,
    read_sums,
)
from mtc_keras.model.saved import TASK, SavedClassifier, first_problem, saved_classifier
from mtc_keras.model.saved_classes import CLASSIFIER, check_classes
from mtc_keras.model.saved_reading import check_reading, check_tokens
from mtc_keras.model.saved_sizes import BackboneSizes, check_parameters, stored_numbers

Result = TypeVar("Result")

CONFIG, PREPROCESSOR, TOKENIZER = "config.json", "preprocessor.json", "tokenizer.json"
WEIGHTS, SHARDS, HEADS = "model.weights.h5", "model.weights.json", "task.weights.h5"
SHARD = re.compile(r"model_\d+\.weights\.h5")
MOST_ASSET = 256 * 2**20  # bytes of a vocabulary; the largest that KerasHub knows has 20 million
UNCHECKED = (
    "copy it again; where you have edited it yourself, --unchecked (in Python: check=False) "
    "loads it as it is"
)


def check_preset(preset: Path, check: bool = True) -> SavedClassifier:
    """Checks a folder that `save_to_preset` wrote, and returns what it predicts.

    What only building the model can show, such as the shape of each array, is left to Keras.

    Args:
        preset: the folder.
        check: bool. `False` leaves out whether files have changed since they were written.

    Raises:
        DataError: naming what is wrong.
    """
    where = f"model {str(preset)!r}"
    found = saved_classifier(preset)
    if check:
        paths = [path for path in preset.glob("assets/*/*") if not is_left_by_system(path.name)]
        assets = [path.relative_to(preset).as_posix() for path in paths]
        names = (CONFIG, TASK, PREPROCESSOR, TOKENIZER, WEIGHTS, SHARDS, HEADS)
        check_sums(preset, where, [*names, *assets])
    problems = _Problems()
    problems.of(TASK, _check_task, preset)
    config = problems.of(CONFIG, _table, preset, CONFIG)
    if found.config.preprocessor is not None:
        problems.of(TASK, check_reading, found.config.preprocessor)
        for name in (PREPROCESSOR, TOKENIZER):
            table = problems.of(name, _table, preset, name)
            problems.of(name, check_reading, table)
            if name == TOKENIZER:
                problems.of(name, check_tokens, table)
    problems += asset_problems(preset)
    stored = problems.of(WEIGHTS, backbone_numbers, preset)
    if stored is not None:
        problems.of(TASK, check_backbone_size, found.config.backbone, stored)
        problems.of(CONFIG, check_backbone_size, config, stored)
    in_heads = problems.of(HEADS, stored_numbers, preset / HEADS)
    if in_heads is not None:
        problems.of(TASK, _check_heads, found, in_heads)
    if problems:
        raise DataError(f"{where} is damaged; copy it again", problems)
    return found


class _Problems(list[str]):
    """What is wrong with a folder, by file."""

    def of(self, name: str, function: Callable[..., Result], *arguments: Any) -> Result | None:
        """Returns what a function returns, or notes the `ValueError` that it raises."""
        try:
            return function(*arguments)
        except ValueError as error:
            problem = f"{name}: {first_problem(error)}"
            if problem not in self:
                self.append(problem)
            return None


def check_sums(
    folder: Path,
    where: str,
    read: Iterable[str],
    *,
    older: Mapping[str, str] | None = None,
    needed: bool = False,
) -> None:
    """Checks that the files of a folder are those that were written.

    Args:
        folder: the folder.
        where: what it is called, such as `"run 'runs/x'"`.
        read: names of files that are read if they are there, and so must have a checksum.
        older: optional dict from file to its checksum, for a folder without a file of them.
        needed: bool. Whether that file must be there; one of an older version has none.

    Raises:
        DataError: naming each that is not.
    """
    try:
        sums = read_sums(folder)
        if sums is None and needed:
            raise ValueError("is gone")
    except ValueError as error:
        raise DataError(f"{where} is damaged; {UNCHECKED}", [f"{SUMS}: {error}"]) from None
    if sums is None and not older:
        logging.getLogger(__name__).info("%s has no checksums", where)
    unlisted = [name for name in read if sums is not None and name not in sums]
    if sums is None:
        sums = {name: [digest] for name, digest in (older or {}).items()}
    problems = changed_files(folder, sums)
    problems += [f"{name}: is not in {SUMS}" for name in unlisted if (folder / name).exists()]
    if problems:
        raise DataError(f"{where} is damaged; {UNCHECKED}", problems)


def check_backbone_size(table: dict[str, Any] | None, stored: int) -> None:
    """Checks the sizes in a backbone's config, `{"class_name": …, "config": {…}}`.

    Raises:
        ValueError: if one is out of range, or they are larger than the weights.
    """
    sizes = BackboneSizes.model_validate((table or {}).get("config", {}))
    check_parameters(sizes.parameters, stored, WEIGHTS)


def backbone_numbers(preset: Path) -> int:
    """Returns how many numbers a backbone's files of weights hold.

    Raises:
        ValueError: if one holds something else.
    """
    if (preset / WEIGHTS).exists() or not (preset / SHARDS).exists():
        return stored_numbers(preset / WEIGHTS)
    described = read_json(preset / SHARDS)
    parts = described.get("weight_map") if isinstance(described, dict) else None
    if not isinstance(parts, dict):
        raise ValueError("names no parts")
    names = {
        str(name)
        for part in parts.values()
        for name in (part if isinstance(part, list) else [part])
    }
    if strangers := sorted(name for name in names if not SHARD.fullmatch(name)):
        raise ValueError(f"names {strangers[0]!r}, which is no part of it")
    return sum(stored_numbers(preset / name) for name in names)


def asset_problems(preset: Path) -> list[str]:
    """Returns what is wrong with the tokenizer's files, as far as they are there."""
    paths = sorted((preset / "assets").glob("*/*"))
    paths = [path for path in paths if not is_left_by_system(path.name)]
    named = {path.relative_to(preset).as_posix(): file_problem(path, MOST_ASSET) for path in paths}
    return [f"{name}: {problem}" for name, problem in named.items() if problem]


def _check_task(preset: Path) -> None:
    described = read_json(preset / TASK)  # once more, as the schema leaves out what Keras makes
    if described.get("registered_name") != CLASSIFIER:
        raise ValueError(f"is not of a MultiTaskClassifier: {described.get('registered_name')!r}")
    check_classes(described)


def _table(preset: Path, name: str) -> dict[str, Any]:
    """Returns the object that a JSON file of a preset describes."""
    table = read_json(preset / name)
    if not isinstance(table, dict) or not isinstance(table.get("config"), dict):
        raise ValueError("does not describe a part of a model")
    check_classes(table)
    return table


def _check_heads(found: SavedClassifier, stored: int) -> None:
    """Checks that the heads are as large as their weights."""
    sizes = BackboneSizes.model_validate(found.config.backbone.get("config", {}))
    numbers = 0
    for task in found.tasks:
        widths = [sizes.hidden_dim, *task.hidden, max(len(task.known_classes), 1)]
        numbers += sum(before * after for before, after in pairwise(widths))
    check_parameters(numbers, stored, HEADS)
