"""The TOML config as frozen pydantic models: load, override, check, write, schema."""

import os
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mtc_keras.tasks.base import Pooling

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
    checkpoint_minutes: float = Field(
        default=10.0,
        gt=0,
        description="Minutes between checkpoints in an epoch; each epoch's end is one; "
        "inf: no others.",
    )
    keep_checkpoints: int = Field(
        default=2, ge=0, description="Last checkpoints kept until the run is finished; 0: none."
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


class DistributionConfig(Section):
    """The devices and processes that share one training (docs/distribution.md)."""

    data_parallel: Annotated[int, Field(ge=1)] | Literal["auto", False] = Field(
        default="auto",
        description="Copies of the model among which a batch is divided: as many as the devices "
        "hold, a number, or one (false).",
    )
    model_parallel: int = Field(
        default=1, ge=1, description="Devices that each copy of the model is split over."
    )
    processes: Annotated[int, Field(ge=1)] | Literal["auto", "cluster"] = Field(
        default="auto",
        description="Processes of the training: those that scripts/launch_local, Slurm or Open "
        "MPI started, a number, or what JAX finds out about the cluster (Kubernetes, TPU).",
    )
    coordinator: str | None = Field(
        default=None,
        pattern=r"^\S+:\d+$",
        description="'host:port' of process 0, where the environment does not tell.",
    )
    process_id: int | None = Field(
        default=None, ge=0, description="Number of this process, where the environment is silent."
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if isinstance(self.processes, int) and (self.process_id or 0) >= self.processes:
            raise ValueError(
                f"process_id ({self.process_id}) must be less than processes ({self.processes})"
            )
        if self.coordinator is not None and self.processes == 1:
            raise ValueError("coordinator belongs to a training of several processes")
        backend = os.environ.get("KERAS_BACKEND", "jax")
        asked = isinstance(self.data_parallel, int) and self.data_parallel > 1
        asked = asked or self.model_parallel > 1 or self.processes not in ("auto", 1)
        if asked and backend != "jax":
            raise ValueError(
                f"several devices need the JAX backend, but KERAS_BACKEND is {backend!r}"
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
