"""The TOML config as frozen pydantic models: load, override, check, write, schema."""

import json
import os
import tomllib
import types
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mtc_keras.errors import ConfigError, did_you_mean, listed, plural
from mtc_keras.tasks import KINDS, Task
from mtc_keras.tasks.base import Pooling

if typing.TYPE_CHECKING:
    AnyTask = Task
else:  # one member a kind, told apart by the key `kind`
    AnyTask = Annotated[typing.Union[tuple(KINDS.values())], Field(discriminator="kind")]  # noqa: UP007
Files = str | list[str]


class Section(BaseModel):
    """A table of the config: values are checked strictly, unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DataConfig(Section):
    """Where the rows come from and how they are read."""

    train: Files | None = Field(
        default=None,
        description="File, glob or list of them (csv, tsv, jsonl, json, parquet; gz too).",
    )
    validation: Files | int | float | None = Field(
        default=None,
        description="Files, a fraction (0.1) or a number of training rows to split off; "
        "absent: the last epoch is kept.",
    )
    test: Files | None = Field(default=None, description="Files judged once, after training.")
    reader: str | None = Field(
        default=None,
        pattern=r"^\w+(\.\w+)*:\w+$",
        description="'package.module:function' called with a split's name in place of files.",
    )
    text: str | list[str] = Field(
        default="text", description="Text column, or two of them for text pairs."
    )
    id: str = Field(default="id", description="Column carried to the outputs, if present.")
    weight: str = Field(
        default="weight",
        description="Column of row weights, if present: a number, or a list with one a task.",
    )
    rename: dict[str, str] = Field(
        default_factory=dict, description="Columns to rename after reading: old = 'new'."
    )
    limit: int | None = Field(
        default=None, ge=1, description="Number of training rows kept after a seeded shuffle."
    )
    too_long: Literal["truncate", "drop"] = Field(
        default="truncate",
        description="What happens to training rows of more than max_length tokens.",
    )

    cache: bool = Field(
        default=True,
        description="Keep the tokens in the user's cache directory, where the next run finds them.",
    )

    @field_validator("text")
    @classmethod
    def _one_or_two(cls, text: str | list[str]) -> str | list[str]:
        if isinstance(text, list) and len(text) != 2:
            raise ValueError("must be one column, or a list of two for text pairs")
        return text

    @field_validator("validation")
    @classmethod
    def _fraction(cls, validation: Any) -> Any:
        if isinstance(validation, float) and not 0 < validation < 1:
            raise ValueError("a fraction must lie between 0 and 1")
        if isinstance(validation, int) and validation < 1:
            raise ValueError("a number of rows must be at least 1")
        return validation

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.reader and (self.train or self.test or not _is_split(self.validation)):
            raise ValueError("reader replaces the files: give either reader or train/test files")
        return self

    @property
    def text_columns(self) -> list[str]:
        """The text columns, one or two."""
        return [self.text] if isinstance(self.text, str) else list(self.text)


def _is_split(validation: Files | float | int | None) -> bool:
    return validation is None or isinstance(validation, (int, float))


class RandomBackboneConfig(Section):
    """Sizes of `backbone = "random"`, a BERT with random weights for tests and speed runs."""

    num_layers: int = Field(default=2, ge=1, description="Transformer layers.")
    num_heads: int = Field(default=2, ge=1, description="Attention heads a layer.")
    hidden_dim: int = Field(default=64, ge=2, description="Width of the hidden states.")
    intermediate_dim: int = Field(
        default=128, ge=2, description="Width of the feed-forward layers."
    )
    vocabulary_size: int = Field(
        default=2000, ge=64, description="Most word pieces learned from the training texts."
    )

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden_dim % self.num_heads:
            raise ValueError(
                f"hidden_dim ({self.hidden_dim}) must be a multiple of num_heads ({self.num_heads})"
            )
        return self


class ModelConfig(Section):
    """The model between the tokens and the heads."""

    backbone: str = Field(
        default="minilm",
        min_length=1,
        description="'minilm', a KerasHub preset, hf://…, kaggle://…, a local folder, or 'random'.",
    )
    max_length: int = Field(default=128, ge=4, description="Most tokens of a text.")
    pooling: Pooling = Field(
        default="mean",
        description="From token states to text: their mean, the first, their maximum, "
        "or the backbone's own pooler; a task may have its own.",
    )
    dropout: float = Field(default=0.1, ge=0, lt=1, description="Dropout before the heads.")
    backbone_dropout: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="Dropout inside the backbone; default: its own. At 0 Keras computes attention "
        "in one operation, which is flash attention where the device has it.",
    )
    lora_rank: int | None = Field(
        default=None,
        ge=1,
        description="Train low-rank updates of the attention's query and value kernels, and the "
        "heads, instead of the backbone's own weights.",
    )
    random: RandomBackboneConfig | None = Field(
        default=None, description="Sizes of the random backbone."
    )

    @model_validator(mode="after")
    def _sizes_belong_to_random(self) -> Self:
        if self.random is not None and self.backbone != "random":
            raise ValueError('sizes in [model.random] need backbone = "random"')
        return self


class TrainingConfig(Section):
    """Epochs, batches, optimizer, and which epoch is kept."""

    epochs: int = Field(default=3, ge=1, description="Passes over the training rows.")
    batch_size: int = Field(default=32, ge=1, description="Rows a step, over all devices.")
    learning_rate: float = Field(
        default=1e-4, gt=0, allow_inf_nan=False, description="Peak rate of the backbone."
    )
    gradient_accumulation: int = Field(
        default=1,
        ge=1,
        description="Parts of a batch that are computed one after the other, to need less memory.",
    )
    rematerialisation: bool = Field(
        default=False,
        description="Keep only the dense layers' outputs for the backward pass and compute the "
        "rest anew, to need less memory.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="What the backbone computes in; weights, heads and losses are float32. "
        "auto: bfloat16 on a GPU or TPU, float32 on a CPU.",
    )
    head_learning_rate: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Peak rate of the heads; default: learning_rate.",
    )
    layer_decay: float = Field(
        default=1.0, gt=0, le=1, description="Factor on the rate for each layer below the last."
    )
    schedule: Literal["linear", "cosine", "constant"] = Field(
        default="linear", description="Decay of the rate after warm-up."
    )
    warmup: float = Field(default=0.1, ge=0, lt=1, description="Share of all steps warming up.")
    weight_decay: float = Field(
        default=0.01,
        ge=0,
        allow_inf_nan=False,
        description="AdamW's decay; none on biases and layer norms.",
    )
    clip_norm: float = Field(
        default=1.0,
        ge=0,
        allow_inf_nan=False,
        description="Limit of the global gradient norm; 0: no limit.",
    )
    freeze: Literal["none", "embeddings", "all"] | int = Field(
        default="none",
        description="Backbone parts not trained: none, embeddings, all, or k: "
        "embeddings and the first k layers.",
    )
    label_smoothing: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="label_smoothing of every task that takes it and has none of its own.",
    )
    monitor: str | dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default="score",
        description="What chooses the best epoch: 'score', 'loss' or a '<task>_<metric>', or a "
        "weighted mix such as { emotions_f1_macro = 2.0, sentiment_accuracy = 1.0 }, in which "
        "errors and losses count negative.",
    )
    floor: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = Field(
        default_factory=dict,
        description="Least value of a metric (greatest, of an error or loss): an epoch that "
        "misses it is never the best while another reaches it.",
    )
    patience: int | None = Field(
        default=None, ge=1, description="Epochs without a better one before training stops."
    )
    min_delta: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Least gain that makes an epoch better."
    )
    ema_momentum: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Judge and keep the moving average of the weights, of this momentum a step.",
    )

    @model_validator(mode="after")
    def _parts_divide(self) -> Self:
        if self.batch_size % self.gradient_accumulation:
            raise ValueError(
                f"gradient_accumulation ({self.gradient_accumulation}) must divide "
                f"batch_size ({self.batch_size})"
            )
        return self

    @field_validator("freeze")
    @classmethod
    def _layers(cls, freeze: Any) -> Any:
        if isinstance(freeze, int) and freeze < 0:
            raise ValueError("a number of layers cannot be negative")
        return freeze

    @field_validator("monitor")
    @classmethod
    def _not_empty(cls, monitor: Any) -> Any:
        if monitor == {}:
            raise ValueError("a mix needs at least one metric")
        return monitor


class BalancingConfig(Section):
    """Weights between tasks that change while the model trains, and the probe's budget."""

    method: Literal["static", "uncertainty", "dwa", "rlw", "log", "famo"] = Field(
        default="static",
        description="Fixed weights, or a method of Kendall et al. 2018, Liu et al. 2019, Lin et "
        "al. 2022, Chennupati et al. 2019 (log), Liu et al. 2023 (famo). loss_weight multiplies.",
    )
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Rate of learned weights; default: 0.01 (uncertainty), 0.025 (famo).",
    )
    temperature: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="T of dwa; default: 2."
    )
    probe_steps: int = Field(
        default=100, ge=1, description='Steps that a task of loss_weight = "probe" trains alone.'
    )

    @model_validator(mode="after")
    def _settings_belong_to_the_method(self) -> Self:
        for key, methods in (("learning_rate", ("uncertainty", "famo")), ("temperature", ("dwa",))):
            if getattr(self, key) is not None and self.method not in methods:
                raise ValueError(
                    f"{key} belongs to method {' or '.join(repr(m) for m in methods)}, "
                    f"but method is {self.method!r}"
                )
        return self


class DecisionsConfig(Section):
    """Temperatures and thresholds, fitted on the validation split after training."""

    thresholds: Literal["per_label", "per_task"] | Annotated[float, Field(ge=0, le=1)] | None = (
        Field(
            default=None,
            description="Thresholds of multilabel tasks: fitted a label, fitted a task, or "
            'a number; default: "per_label" with a validation split, else 0.5.',
        )
    )
    calibration: Literal["temperature", "none"] | None = Field(
        default=None,
        description='Default: "temperature" with a validation split, else "none".',
    )


class OutputConfig(Section):
    """What a run leaves behind."""

    directory: str = Field(default="runs/default", min_length=1, description="The run directory.")


class Config(Section):
    """One training: data, tasks, model, training and where the run goes.

    Load one with `load_config`; `check_config` checks a dict. Paths
    are relative to the directory in which a program runs.
    """

    seed: int = Field(default=0, ge=0, lt=2**31, description="Seed of everything random.")
    data: DataConfig = Field(default_factory=DataConfig)
    tasks: dict[str, AnyTask] = Field(min_length=1, description="One table a task.")
    model: ModelConfig = Field(default_factory=ModelConfig)
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    balancing: BalancingConfig = Field(default_factory=BalancingConfig)
    decisions: DecisionsConfig = Field(default_factory=DecisionsConfig)
    output: OutputConfig = Field(default_factory=OutputConfig)

    @model_validator(mode="before")
    @classmethod
    def _tasks_take_shared_smoothing(cls, values: Any) -> Any:
        training = values.get("training") if isinstance(values, dict) else None
        smoothing = training.get("label_smoothing") if isinstance(training, dict) else None
        tasks = values.get("tasks") if isinstance(values, dict) else None
        if not isinstance(smoothing, float) or not isinstance(tasks, dict):
            return values
        smoothed = {
            key: {"label_smoothing": smoothing, **task} if _smooths(task) else task
            for key, task in tasks.items()
        }
        return {**values, "tasks": smoothed}

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
        for key, task in self.tasks.items():
            if task.name != key:
                raise ValueError(f"tasks.{key} must not carry another name ({task.name!r})")
            if key in ("id", "row"):
                raise ValueError(f"tasks.{key}: the name is taken by the rows' own; choose another")
            if self.data.weight in task.path.names:
                raise ValueError(
                    f"column {self.data.weight!r} is read by task {key!r} and as row weights: "
                    "name another column in data.weight"
                )
        if self.model.lora_rank is not None and self.training.freeze != "none":
            raise ValueError(
                "model.lora_rank freezes the backbone's own weights: leave out training.freeze"
            )
        self._check_backend()
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
                    f"{key} {name!r} is no metric of this config."
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
        """Returns every value, defaults filled in, as plain values; absent ones left out."""
        config = self.model_dump(exclude_none=True)
        for task in config["tasks"].values():
            del task["name"]
        return config

    def to_toml(self) -> str:
        """Returns the config as TOML that `load_config` reads back to an equal one."""
        return tomli_w.dumps(self.to_dict())


def lower_is_better(metric: str) -> bool:
    """Whether a metric of `monitor_names` is an error or a loss."""
    return metric.endswith(("loss", "_mae", "_rmse"))


def _smooths(task: Any) -> bool:
    kind = KINDS.get(str(task.get("kind"))) if isinstance(task, dict) else None
    return kind is not None and "label_smoothing" in kind.model_fields


def monitor_names(tasks: Sequence[Task]) -> list[str]:
    """Returns the names of all metrics of an epoch, without the prefix `val_`."""
    names = ["score", "loss"]
    for task in tasks:
        names += [f"{task.name}_{metric}" for metric in ("loss", *task.metric_names)]
    return names


def load_config(path: str | Path, overrides: Iterable[str] = ()) -> Config:
    """Reads and checks a config file.

    Args:
        path: the TOML file.
        overrides: strings `"a.b=value"`; the value is TOML, or text where it is none.

    Returns:
        The checked `Config`.

    Raises:
        ConfigError: with everything that is wrong at once.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"config file {str(path)!r} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"config file {str(path)!r} cannot be read: {error}") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"config file {str(path)!r} is not TOML: {error}") from None
    for override in overrides:
        _override(values, override)
    return check_config(values, str(path))


def check_config(values: dict[str, Any], origin: str = "config") -> Config:
    """Checks a config given as a dict.

    Raises:
        ConfigError: with everything that is wrong at once.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        problems = [_problem(values, details) for details in error.errors()]
        raise ConfigError(
            f"{origin}: {plural(len(problems), 'problem')} in the config", problems
        ) from None


def config_schema() -> str:
    """Returns the JSON Schema of the config file, for editors."""
    schema = Config.model_json_schema()
    for kind in KINDS.values():  # the table's key is the name
        definition = schema["$defs"][kind.__name__]
        del definition["properties"]["name"]
        definition["required"] = ["kind"]
    return json.dumps(schema, indent=2, ensure_ascii=False)


def _override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        raise ConfigError(f"--set {override!r} must have the form a.b=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    table = values
    for part in parts[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {override!r}: {part!r} is a value, not a table")
    table[parts[-1]] = value


def _problem(values: dict[str, Any], details: Any) -> str:
    """Turns one of pydantic's errors into: key path, what is wrong, what would be right."""
    location = list(details["loc"])
    if len(location) > 2 and location[0] == "tasks":
        del location[2]  # the branch of the union, a kind
    # Pydantic names the branch of a union last ("function-after[…]", "str"): keep real keys.
    keys = _existing_keys(values, [str(part) for part in location], details["type"])
    path = ".".join(keys) or "config"
    received = details["input"]
    match details["type"]:
        case "extra_forbidden":
            known = _known_keys(values, keys[:-1])
            return f"{path}: unknown key.{did_you_mean(keys[-1], known)} Known: {listed(known, 30)}"
        case "missing":
            return f"{path}: is required"
        case "union_tag_not_found":
            return f"{path}.kind: is required, one of {listed(list(KINDS))}"
        case "union_tag_invalid":
            kind = str(details["ctx"]["tag"])
            return (
                f"{path}.kind: {kind!r} is no kind of task.{did_you_mean(kind, KINDS)} "
                f"Known: {listed(list(KINDS))}"
            )
        case "string_pattern_mismatch" if keys[-1:] == ["name"]:
            return f"{path.removesuffix('.name')}: a task's name must match [a-z][a-z0-9_]*"
        case "value_error":
            message = str(details["ctx"]["error"])
            return message if not keys else f"{path}: {message}"
    return f"{path}: {details['msg']}. Received: {received!r}"


def _existing_keys(values: Any, location: list[str], error_type: str) -> list[str]:
    keys: list[str] = []
    for part in location:
        if isinstance(values, dict) and part in values:
            values = values[part]
        elif isinstance(values, list) and part.isdigit():
            values = values[int(part)]
        elif error_type != "missing" and not (keys and part == "name"):
            break
        keys.append(part)
    return keys


def _known_keys(values: dict[str, Any], keys: Sequence[str]) -> list[str]:
    """Returns the keys that the table at a key path may hold."""
    if len(keys) == 2 and keys[0] == "tasks":
        fields = KINDS[values["tasks"][keys[1]]["kind"]].model_fields
        return [name for name in fields if name != "name"]
    model: type[BaseModel] = Config
    for key in keys:
        annotation = model.model_fields[key].annotation
        options = typing.get_args(annotation) or (annotation,)
        model = next(t for t in options if t is not types.NoneType)
    return list(model.model_fields)
