"""The whole config: its tables, and what must hold between them."""

import os
from collections.abc import Sequence
from typing import Annotated, Any, Self

import tomli_w
from pydantic import (
    Field,
    PlainValidator,
    SerializeAsAny,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from mtc_keras.config.data import DataConfig
from mtc_keras.config.model import ModelConfig
from mtc_keras.config.sections import (
    BalancingConfig,
    DecisionsConfig,
    DistributionConfig,
    OutputConfig,
    ReportConfig,
    Section,
    TrackingConfig,
    TrainingConfig,
)
from mtc_keras.errors import did_you_mean, listed
from mtc_keras.tasks import Task, kind_named, kind_names
from mtc_keras.tasks.paths import overlap


def _task(values: Any) -> Task:
    """Checks a task by the class that its key `kind` names."""
    if isinstance(values, Task):
        return values
    if not isinstance(values, dict):
        raise PydanticCustomError("no_table", 'expected a table such as {kind = "multiclass"}')
    name = values.get("kind")
    if name is None:
        raise PydanticCustomError("no_kind", "is required, one of {names}", {"names": _names()})
    kind = kind_named(name)
    if kind is None:
        raise PydanticCustomError(
            "unknown_kind",
            "{kind} is not a kind of task.{hint} Known: {names}. A kind of your own must be "
            "registered first (mtc_keras.register_kind), or offered by an installed package",
            {
                "kind": repr(name),
                "hint": did_you_mean(str(name), kind_names()),
                "names": _names(),
            },
        )
    return kind.model_validate(values)


def _names() -> str:
    return listed(kind_names())


# Not a union of classes: that would be built once, and kinds may be registered later.
OfItsKind = Annotated[
    SerializeAsAny[Task], PlainValidator(_task, json_schema_input_type=dict[str, Any])
]


# Section, key and type of what all tasks share that set none of their own.
SHARED_KEYS = (
    ("training", "label_smoothing", float),
    ("data", "missing", list),
    ("data", "votes_by", str),
)


class Config(Section):
    """One training: data, tasks, model, training and where the run goes.

    Load one with `load_config`; `check_config` checks a dict. Paths are relative
    to the directory in which the program runs.
    """

    seed: int = Field(default=0, ge=0, lt=2**31, description="Seed of all random numbers.")
    data: DataConfig = Field(default_factory=DataConfig)
    tasks: dict[str, OfItsKind] = Field(min_length=1, description="One table per task.")
    model: ModelConfig = Field(default_factory=ModelConfig)
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    balancing: BalancingConfig = Field(default_factory=BalancingConfig)
    decisions: DecisionsConfig = Field(default_factory=DecisionsConfig)
    distribution: DistributionConfig = Field(default_factory=DistributionConfig)
    report: ReportConfig = Field(default_factory=ReportConfig)
    tracking: TrackingConfig = Field(default_factory=TrackingConfig)
    output: OutputConfig = Field(default_factory=OutputConfig)

    @model_validator(mode="before")
    @classmethod
    def _tasks_take_what_they_share(cls, values: Any) -> Any:
        tasks = values.get("tasks") if isinstance(values, dict) else None
        if not isinstance(tasks, dict):
            return values
        for section, key, of in SHARED_KEYS:
            table = values.get(section)
            given = table.get(key) if isinstance(table, dict) else getattr(table, key, None)
            if isinstance(given, of):
                tasks = {name: _sharing(task, key, given) for name, task in tasks.items()}
        return {**values, "tasks": tasks}

    @field_validator("tasks", mode="before")
    @classmethod
    def _tasks_know_their_name(cls, tasks: Any) -> Any:
        if not isinstance(tasks, dict):
            return tasks
        return {
            key: {"name": key, **task} if isinstance(task, dict) else task
            for key, task in tasks.items()
        }

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.data.split in self.data.text_columns:
            raise ValueError(f"column {self.data.split!r} is read as text and as data.split")
        if shown := [name for name in self.report.slices if name in self.data.text_columns]:
            raise ValueError(f"column {shown[0]!r} is read as text and by report.slices")
        for key, task in self.tasks.items():
            if self.data.split in task.path.names:
                raise ValueError(f"column {self.data.split!r} is read by task {key!r} and as split")
            if task.name != key:
                raise ValueError(f"tasks.{key} must not have another name ({task.name!r})")
            if key in ("id", "row"):
                raise ValueError(
                    f"tasks.{key}: the name is reserved for a column of the predictions; "
                    "choose another"
                )
            if getattr(task, "votes_by", None) not in (None, self.data.votes_by):
                raise ValueError(
                    f"tasks.{key}.votes_by: rows are joined for all tasks: set it in [data]"
                )
            for label in task.path.names:
                for text in self.data.text_columns:
                    if overlap(text, label):
                        raise ValueError(
                            f"column {text!r} is read by task {key!r} and as text; a label is what "
                            "a text is to be predicted to be: name its column in tasks."
                            f"{key}.column, or the texts' in data.text"
                        )
                if overlap(self.data.weight, label):
                    raise ValueError(
                        f"column {self.data.weight!r} is read by task {key!r} and as row weights: "
                        "name another column in data.weight"
                    )
        if self.model.lora_rank is not None and self.training.freeze != "none":
            raise ValueError(
                "model.lora_rank freezes the backbone's own weights: leave out training.freeze"
            )
        self._check_backend()
        self._check_long_texts()
        self._check_metrics()
        self._check_balancing()
        return self

    def _check_backend(self) -> None:
        backend = os.environ.get("KERAS_BACKEND", "jax")
        needs = {
            'balancing.method: "famo"': self.balancing.method == "famo",
            "training.gradient_accumulation": self.training.gradient_accumulation > 1,
            "training.rematerialisation": self.training.rematerialisation,
        }
        for key, asked in needs.items():
            if asked and backend != "jax":
                raise ValueError(f"{key} needs the JAX backend, but KERAS_BACKEND is {backend!r}")

    def _check_long_texts(self) -> None:
        mode = self.model.long_texts
        if self.model.prefix and len(self.data.text_columns) > 1:
            raise ValueError(
                "model.prefix is put before one text per row, but data.text names two: leave it out"
            )
        if mode != "truncate" and len(self.data.text_columns) > 1:
            raise ValueError(
                f'model.long_texts = "{mode}" reads one text per row, but data.text names two; '
                "text pairs are truncated: leave it out"
            )
        if mode == "windows" and self.data.too_long == "drop":
            raise ValueError(
                'model.long_texts = "windows" reads texts whole, so that none is too long: leave '
                'out data.too_long = "drop"'
            )
        for name, task in self.tasks.items():
            if task.window_pooling is not None and mode != "windows":
                raise ValueError(
                    f'tasks.{name}.window_pooling pools windows: set model.long_texts = "windows"'
                )

    def _check_metrics(self) -> None:
        known = monitor_names(list(self.tasks.values()))
        monitor = self.training.monitor
        asked = [
            ("training.monitor", n) for n in ([monitor] if isinstance(monitor, str) else monitor)
        ]
        asked += [("training.floor", name) for name in self.training.floor]
        for key, name in asked:
            if name not in known:
                raise ValueError(
                    f"{key} {name!r} is not a metric of this config."
                    f"{did_you_mean(name, known)} Known: {listed(known, 40)}"
                )

    def _check_balancing(self) -> None:
        if self.balancing.method != "famo":
            return
        if len(self.tasks) < 2:
            raise ValueError(
                'balancing.method: "famo" compares tasks and needs two or more; '
                'use "static" for one'
            )

    @property
    def task_list(self) -> list[Task]:
        """The tasks in the config's order."""
        return list(self.tasks.values())

    def to_dict(self) -> dict[str, Any]:
        """Returns all values, defaults included, as plain Python; absent ones are left out."""
        config = self.model_dump(exclude_none=True)
        for task in config["tasks"].values():
            del task["name"]
        if "batch_tokens" in config["training"]:  # excludes what is its default then
            del config["training"]["batch_size"]
        return config

    def to_toml(self) -> str:
        """Returns the config as TOML; `load_config` reads an equal config from it."""
        return tomli_w.dumps(self.to_dict())


def lower_is_better(metric: str) -> bool:
    """Whether a metric of `monitor_names` is an error or a loss."""
    return metric.endswith(("loss", "_mae", "_rmse"))


def _sharing(task: Any, key: str, value: Any) -> Any:
    """Returns a task's table with a value that it shares, if it has such a key and sets none."""
    kind = kind_named(task.get("kind")) if isinstance(task, dict) else None
    return {key: value, **task} if kind is not None and key in kind.model_fields else task


def monitor_names(tasks: Sequence[Task]) -> list[str]:
    """Returns the names of all metrics of one epoch, without the prefix `val_`."""
    names = ["score", "loss"]
    for task in tasks:
        names += [f"{task.name}_{metric}" for metric in ("loss", *task.metric_names)]
    return names
