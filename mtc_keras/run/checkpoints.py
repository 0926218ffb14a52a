"""Checkpoints on disk: whole or not there, checked before use, and of one config and data.

epoch_000002_step_000000120/    2 epochs and 120 steps of the third are done
    arrays.safetensors          every variable, and what callbacks keep as arrays
    state.json                  position, callbacks, and the config and data it belongs to
    SHA256SUMS                  of both, as `sha256sum --check` reads it
"""

import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from mtc_keras.config.deprecated import RENAMED
from mtc_keras.errors import ConfigError
from mtc_keras.files import (
    PART,
    SUMS,
    Format,
    changed_files,
    exact_json,
    folder_written_whole,
    json_line,
    read_bytes,
    read_exact_json,
    read_sums,
    remove_leftovers,
    write_sums,
)
from mtc_keras.run.directory import FAILED

if TYPE_CHECKING:
    from mtc_keras.config import Config
    from mtc_keras.data.dataset import Dataset

ARRAYS, STATE = "arrays.safetensors", "state.json"
MOST_REASON = 2**20  # bytes
# The first number changed nothing but itself; the second brought the batches' plan.
FORMAT = Format(migrations=(dict, lambda state: {**state, "batch_plan": None}))
# What may change between the beginning of a training and its end.
FREE_KEYS = (
    "output.",
    "report.",
    "tracking.",
    "distribution.",
    "data.cache",
    "training.checkpoint_minutes",
    "training.keep_checkpoints",
)


class Checkpoint:
    """A checkpoint that has been found whole.

    Args:
        path: its directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def state(self) -> dict[str, Any]:
        """What `state.json` holds."""
        state = read_exact_json((self.path / STATE).read_text(encoding="utf-8"))
        return FORMAT.read(state, f"checkpoint {str(self.path)!r}")

    @property
    def epoch(self) -> int:
        """Epochs that are done."""
        return self.state["epoch"]

    @property
    def step(self) -> int:
        """Steps of the epoch after those that are done."""
        return self.state["step"]

    @property
    def batch_plan(self) -> dict[str, Any] | None:
        """The plan of the training's batches; `None` if version 0.1 made it."""
        return self.state["batch_plan"]

    def arrays(self, group: str) -> list[tuple[str, np.ndarray]]:
        """Returns the names and arrays of a group, in the order in which they were saved."""
        prefix = f"{group}/"
        with safe_open(self.path / ARRAYS, framework="np") as file:
            keys = sorted(key for key in file.keys() if key.startswith(prefix))  # noqa: SIM118
            return [(key[len(prefix) :].partition("/")[2], file.get_tensor(key)) for key in keys]


def keyed(group: str, arrays: Iterable[tuple[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Returns the arrays of a group under the keys by which `Checkpoint.arrays` finds them."""
    return {  # numbered, as Keras lets variables share a name
        f"{group}/{number:06d}/{name}": np.asarray(array, order="C")
        for number, (name, array) in enumerate(arrays)
    }


def saved_checkpoints(directory: Path) -> list[Path]:
    """Returns the checkpoints of a directory, the newest last; none if it is not there."""
    return sorted(path for path in directory.glob("epoch_*_step_*") if path.suffix != PART)


def write_checkpoint(
    directory: Path, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray], keep: int
) -> Path:
    """Writes a checkpoint under a temporary name, makes it durable, and gives it its name.

    Args:
        directory: where the checkpoints are.
        state: JSON values; `epoch` and `step` name the checkpoint.
        arrays: the arrays by key.
        keep: int. Checkpoints that are left in the end, this one included.

    Raises:
        ConfigError: if it cannot be written; earlier ones stay as they are.
    """
    path = directory / f"epoch_{state['epoch']:06d}_step_{state['step']:09d}"
    try:
        directory.mkdir(exist_ok=True)  # but not its parent: who has removed that wants no more
        # In place of one that was left aside as damaged, or of the same position.
        with folder_written_whole(path, replace=True) as part:
            save_file(dict(arrays), part / ARRAYS)
            (part / STATE).write_text(exact_json(FORMAT.stamped(state)), encoding="utf-8")
            write_sums(part, (ARRAYS, STATE))
    except (OSError, SafetensorError) as error:
        earlier = len(saved_checkpoints(directory))
        hint = f"earlier checkpoints are as they were ({earlier}): make room, then add --resume"
        raise ConfigError(
            f"no checkpoint could be saved in {str(directory)!r}: "
            f"{getattr(error, 'strerror', None) or error}",
            [hint if earlier else "none was saved earlier: start again"],
        ) from None
    remove_leftovers(directory)
    for other in directory.glob(f"epoch_*_step_*{PART}"):  # as version 0.1 left them
        shutil.rmtree(other, ignore_errors=True)
    kept = [other for other in saved_checkpoints(directory) if other <= path][-keep:]
    for other in saved_checkpoints(directory):
        if other not in kept:  # too old, or of a past that has been left aside as damaged
            shutil.rmtree(other)
    return path


def damage(path: Path) -> str | None:
    """Returns what is wrong with the files of a checkpoint; `None` if it is whole."""
    try:
        sums = read_sums(path)
    except ValueError as error:
        return f"{SUMS} {error}"
    if sums is None or not {ARRAYS, STATE} <= sums.keys():
        return f"{SUMS} {'is gone' if sums is None else 'is not what was written'}"
    return next(iter(changed_files(path, sums)), None)


@dataclass(frozen=True)
class Start:
    """Where a training starts: at its beginning, or in a checkpoint.

    Args:
        identity: the config, data and versions of this training.
        checkpoint: the state from which it continues, or `None`.
        notes: lines for people.
        clock: float, in seconds of `time.perf_counter`: when this training would have begun if
            it had never been stopped.
    """

    identity: dict[str, Any]
    checkpoint: Checkpoint | None
    notes: list[str]
    clock: float


def find_start(
    directory: Path, config: "Config", dataset: "Dataset", versions: Mapping[str, str], resume: bool
) -> Start:
    """Finds the newest checkpoint that is whole, if a training is to be resumed.

    Args:
        directory: where the checkpoints are, if there are any.
        config: the config, as given.
        dataset: the encoded splits.
        versions: those of the packages that decide a run's numbers.
        resume: bool. `False` starts at the beginning.

    Raises:
        ConfigError: if none is whole, or it belongs to another config or other data.
    """
    identity = identify(config, dataset, versions)
    now = time.perf_counter()
    if not resume:
        return Start(identity, None, [], now)
    damaged: list[str] = []
    for path in reversed(saved_checkpoints(directory)):
        problem = damage(path)
        if problem is not None:
            damaged.append(f"checkpoint {path.name} is damaged and left aside: {problem}")
            continue
        checkpoint = Checkpoint(path)
        changes = _check_identity(checkpoint.state["identity"], identity, directory)
        resumed = (
            f"resumed from checkpoint {path.name}: {checkpoint.epoch} epochs and "
            f"{checkpoint.step} steps are done"
        )
        notes = [*_failure(directory), *damaged, *changes, resumed]
        return Start(identity, checkpoint, notes, now - checkpoint.state["seconds"])
    if damaged:
        headline = f"no checkpoint in {str(directory)!r} is whole; --overwrite starts again"
        raise ConfigError(headline, damaged)
    anew = "no checkpoint is there: training starts at its beginning"
    return Start(identity, None, [*_failure(directory), anew], now)


def _failure(directory: Path) -> list[str]:
    """Returns a note on why the training that left the checkpoints ended, if that is known."""
    try:
        reason = read_bytes(directory.parent / FAILED, MOST_REASON).decode("utf-8").strip()
    except ValueError:
        return []
    return [f"when it was last trained: {reason}"]


def identify(
    config: "Config", dataset: "Dataset", versions: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Returns what a checkpoint must share with the training that resumes from it."""
    splits = (dataset.train, dataset.validation, dataset.test)
    keys = flat(config.to_dict())
    identity = {
        "config": {key: value for key, value in keys.items() if not key.startswith(FREE_KEYS)},
        "files": dataset.files,
        "rows": {rows.name: rows.fingerprint for rows in splits if rows is not None},
        "versions": dict(versions),
    }
    return read_exact_json(exact_json(identity))  # as it will be read back


def _check_identity(
    then: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]], directory: Path
) -> list[str]:
    """Returns notes on versions that differ.

    Raises:
        ConfigError: with everything else that differs.
    """
    # What an older version had no key for was as it is by default.
    new = {key: value for key, value in _defaults().items() if key in now["config"]}
    config = {**new, **_under_todays_names(then["config"])}
    problems = [
        f"{key}: {_shown(before)} then, {_shown(after)} now"
        for key, before, after in _changes(config, now["config"])
    ]
    problems += [
        f"data file {path!r} has changed" for path, *_ in _changes(then["files"], now["files"])
    ]
    problems += [
        f"the {split} rows are others" for split, *_ in _changes(then["rows"], now["rows"])
    ]
    if problems:
        raise ConfigError(
            f"the checkpoints in {str(directory)!r} belong to another config or other data; "
            "go back to those, or start again with --overwrite",
            problems,
        )
    return [
        f"{package} was {before} and is {after}: the numbers may differ from those of one version"
        for package, before, after in _changes(then["versions"], now["versions"])
    ]


def _defaults() -> dict[str, Any]:
    """Returns the leaves of a config in which nothing is set, by dotted key."""
    from mtc_keras.config import Config

    sections = {
        name: field.get_default(call_default_factory=True).model_dump(exclude_none=True)
        for name, field in Config.model_fields.items()
        if field.default_factory is not None
    }
    return flat(sections)


def _under_todays_names(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a config's leaves by dotted key, as an older version has saved them, by new keys."""
    found = {}
    for key, value in config.items():
        for rename in RENAMED:
            if (new := rename.today(key.split("."))) is not None:
                key, value = ".".join(new), rename.convert(value)
        found[key] = value
    return found


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    keys = dict.fromkeys([*then, *now])
    return [(k, then.get(k), now.get(k)) for k in keys if then.get(k) != now.get(k)]


def _shown(value: Any) -> str:
    return "not set" if value is None else json_line(value)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns the leaves of nested dicts by dotted key."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
