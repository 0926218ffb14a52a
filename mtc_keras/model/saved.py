"""What a saved model says of itself: `task.json` of a preset, read by one schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mtc_keras.config.model import MOST_TOKENS, MOST_WINDOWS, TRAINING_WINDOWS, LongTexts, Prefix
from mtc_keras.errors import ConfigError, DataError
from mtc_keras.files import Format, read_json
from mtc_keras.tasks import Decision, Task, task_from_config
from mtc_keras.tasks.base import Pooling

TASK = "task.json"
# Of the config in it, which `.keras` files hold, too. 0.1 wrote no number, and nothing else.
FORMAT = Format(migrations=(dict,))


class SavedDecision(BaseModel):
    """The decision of a task; `Decision` checks its numbers."""

    model_config = ConfigDict(extra="forbid", strict=True)

    temperature: float = 1.0
    thresholds: dict[str, float] = Field(default_factory=dict)

    @property
    def given(self) -> dict[str, Any]:
        """The arguments of a `Decision`; a kind of a user's own may take fewer."""
        return self.model_dump(exclude_unset=True)


class SavedConfig(BaseModel):
    """The config of a `MultiTaskClassifier`, but for the objects that Keras makes of it."""

    model_config = ConfigDict(extra="ignore", strict=True)

    tasks: list[dict[str, Any]] = Field(min_length=1)
    decisions: dict[str, dict[str, Any]]
    pooling: Pooling = "mean"
    dropout: float = Field(default=0.1, ge=0, lt=1)
    prefix: Prefix = ""
    # Of 0.2 and before, which truncated.
    long_texts: LongTexts = "truncate"
    window_overlap: int | None = Field(default=None, ge=0, le=MOST_TOKENS)
    training_windows: int = Field(default=TRAINING_WINDOWS, ge=1, le=MOST_WINDOWS)
    backbone: dict[str, Any] = Field(default_factory=dict)
    preprocessor: dict[str, Any] | None = None


@dataclass(frozen=True)
class SavedClassifier:
    """What a saved model predicts, and what it is built from.

    Args:
        tasks: its tasks, their classes known.
        decisions: dict from each task with probabilities to its `Decision`.
        config: the rest of its config.
    """

    tasks: list[Task]
    decisions: dict[str, Decision]
    config: SavedConfig


def saved_classifier(preset: Path) -> SavedClassifier:
    """Returns what `task.json` of a preset describes, without loading Keras.

    Raises:
        ConfigError: if a task is of a kind that is not known here.
        DataError: if there is none, it describes no model, or it was written by a newer version.
    """
    where = f"{str(preset / TASK)!r}"
    try:
        described = read_json(preset / TASK)
    except ValueError as error:
        raise DataError(f"{where} {error}") from None
    values = described.get("config") if isinstance(described, dict) else None
    if not isinstance(values, dict) or not {"tasks", "decisions"} <= values.keys():
        raise DataError(f"{where} is damaged: it does not say what the model predicts")
    values = FORMAT.read(values, f"model {str(preset)!r}")
    try:
        config = SavedConfig.model_validate(values)
        tasks = [task_from_config(task) for task in config.tasks]
        names = [task.name for task in tasks]
        if strangers := sorted(set(config.decisions) - set(names)):
            raise ValueError(f"decisions of {strangers[0]!r}, which is none of its tasks")
        return SavedClassifier(tasks, decisions_of(tasks, config.decisions), config)
    except ConfigError as error:  # a kind of the user's own is no damage
        raise ConfigError(f"{where}: {error}") from None
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise DataError(f"{where} is damaged: {first_problem(error)}") from None


def decisions_of(tasks: Sequence[Task], values: Mapping[str, Any]) -> dict[str, Decision]:
    """Returns the decisions of tasks with probabilities, as `Decision.to_dict` described them.

    Raises:
        ValueError, TypeError: if a value is none that a decision has.
    """
    return {
        task.name: task.decision(**SavedDecision.model_validate(values.get(task.name, {})).given)
        for task in tasks
        if task.has_probabilities
    }


def first_problem(error: Exception) -> str:
    """Returns an error in one line; of pydantic's the first, with its key."""
    if not isinstance(error, ValidationError):
        return str(error) if isinstance(error, ValueError) else repr(error)
    details = error.errors()[0]
    key = ".".join(str(part) for part in details["loc"])
    return f"{key}: {details['msg'].removeprefix('Value error, ')}".removeprefix(": ")
