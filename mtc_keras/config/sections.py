"""The tables of the config but for `[data]` and `[model]`, each a frozen pydantic model."""

import os
import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

# Above all that anybody trains, and below what one wrong digit, or a stranger's config, costs.
MOST_BATCH = 1_048_576
MOST_STEPS = 1_000_000_000
MOST_DEVICES = 1_000_000


class Section(BaseModel):
    """A table of the config; types are checked strictly and unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TrainingConfig(Section):
    """Epochs, batches, the optimizer, and which epoch to keep."""

    epochs: int = Field(
        default=3, ge=1, le=MOST_STEPS, description="Passes over the training rows."
    )
    batch_size: int = Field(
        default=32, ge=1, le=MOST_BATCH, description="Rows per step, over all devices."
    )
    batch_tokens: int | None = Field(
        default=None,
        ge=1,
        le=MOST_BATCH,
        description="In place of batch_size: about so many padded tokens per step, over all "
        "devices, so that short texts have more rows per batch than long ones.",
    )
    learning_rate: float = Field(
        default=1e-4, gt=0, allow_inf_nan=False, description="Peak learning rate of the backbone."
    )
    gradient_accumulation: int = Field(
        default=1,
        ge=1,
        description="Number of parts of a batch to compute one after another, to save memory.",
    )
    rematerialisation: bool = Field(
        default=False,
        description="Keep only the dense layers' outputs for the backward pass and recompute the "
        "rest, to save memory. On a CPU it saves none.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="Precision in the backbone; weights, heads and losses are float32. "
        "auto: bfloat16 on a GPU or TPU, float32 on a CPU.",
    )
    head_learning_rate: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Peak learning rate of the heads; default: learning_rate.",
    )
    layer_decay: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Factor on the learning rate for each layer below the last.",
    )
    schedule: Literal["linear", "cosine", "constant"] = Field(
        default="linear", description="Decay of the learning rate after warm-up."
    )
    warmup: float = Field(
        default=0.1, ge=0, lt=1, description="Share of all steps spent warming up."
    )
    weight_decay: float = Field(
        default=0.01,
        ge=0,
        allow_inf_nan=False,
        description="AdamW's weight decay; none on biases and layer norms.",
    )
    clip_norm: float = Field(
        default=1.0,
        ge=0,
        allow_inf_nan=False,
        description="Limit on the global gradient norm; 0: no limit.",
    )
    freeze: Literal["none", "embeddings", "all"] | int = Field(
        default="none",
        description="Parts of the backbone to freeze: none, embeddings, all, or a number k: "
        "embeddings and the first k layers.",
    )
    label_smoothing: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="label_smoothing of every task that supports it and sets none of its own.",
    )
    monitor: str | dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default="score",
        description="What selects the best epoch: 'score', 'loss', a '<task>_<metric>', or a "
        "weighted mix such as { emotions_f1_macro = 2.0, sentiment_accuracy = 1.0 }, in which "
        "errors and losses count as negative.",
    )
    floor: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = Field(
        default_factory=dict,
        description="Minimum of a metric (maximum for an error or loss): an epoch that misses it "
        "is never the best while another one meets it.",
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        le=MOST_STEPS,
        description="Epochs without improvement before training stops.",
    )
    min_delta: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="Smallest improvement that makes an epoch better.",
    )
    ema_momentum: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Momentum per step of a moving average of the weights to evaluate and keep.",
    )
    checkpoint_minutes: float = Field(
        default=10.0,
        gt=0,
        description="Minutes between checkpoints within an epoch, besides the one at its end; "
        "inf: only that one.",
    )
    keep_checkpoints: int = Field(
        default=2,
        ge=0,
        le=MOST_STEPS,
        description="Most recent checkpoints to keep until the run is finished; 0: none.",
    )

    @model_validator(mode="after")
    def _parts_divide(self) -> Self:
        if self.batch_tokens is not None:
            if "batch_size" in self.model_fields_set:
                raise ValueError("batch_size and batch_tokens exclude each other: remove one")
            return self
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
    """Task weights that change during training, and the length of the probe."""

    method: Literal["static", "uncertainty", "dwa", "rlw", "log", "famo"] = Field(
        default="static",
        description="Fixed weights (static), or the method of Kendall et al. 2018 (uncertainty), "
        "Liu et al. 2019 (dwa), Lin et al. 2022 (rlw), Chennupati et al. 2019 (log) or Liu et al. "
        "2023 (famo). Each task's loss_weight multiplies its weight.",
    )
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Learning rate of the task weights; default: 0.01 (uncertainty), 0.025 (famo).",
    )
    temperature: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="Temperature T of dwa; default: 2."
    )
    probe_steps: int = Field(
        default=100,
        ge=1,
        le=MOST_STEPS,
        description='Steps for which a task with loss_weight = "probe" is trained alone.',
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

    data_parallel: Annotated[int, Field(ge=1, le=MOST_DEVICES)] | Literal["auto", False] = Field(
        default="auto",
        description="Copies of the model that share each batch: as many as fit on the devices "
        "(auto), a number, or one (false).",
    )
    model_parallel: int = Field(
        default=1,
        ge=1,
        le=MOST_DEVICES,
        description="Devices over which each copy of the model is split.",
    )
    processes: Annotated[int, Field(ge=1, le=MOST_DEVICES)] | Literal["auto", "cluster"] = Field(
        default="auto",
        description="Processes of the training: those that `mtc-keras launch`, Slurm or Open "
        "MPI started, a number, or what JAX finds out about the cluster (Kubernetes, TPU).",
    )
    coordinator: str | None = Field(
        default=None,
        pattern=r"^\S+:\d+$",
        description="'host:port' of process 0, if the environment does not provide it.",
    )
    process_id: int | None = Field(
        default=None,
        ge=0,
        description="Number of this process, if the environment does not provide it.",
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if isinstance(self.processes, int) and (self.process_id or 0) >= self.processes:
            raise ValueError(
                f"process_id ({self.process_id}) must be less than processes ({self.processes})"
            )
        if self.coordinator is not None and self.processes == 1:
            raise ValueError("coordinator is for a training in several processes")
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
            description="Thresholds of multilabel tasks: fitted per label, fitted per task, or "
            'a number; default: "per_label" with a validation split, else 0.5.',
        )
    )
    calibration: Literal["temperature", "none"] | None = Field(
        default=None,
        description="Fit a temperature per task, or none; "
        'default: "temperature" with a validation split, else "none".',
    )


class TrackingConfig(Section):
    """Trackers that follow a training (docs/tracking.md); nothing is sent to any not named here."""

    tensorboard: bool | str = Field(
        default=False,
        description="Write events for TensorBoard: into the folder `tensorboard` of the run "
        "(true), or into a folder of the run's name in the one named here.",
    )
    mlflow: str | None = Field(
        default=None,
        min_length=1,
        description="MLflow's tracking URI: a server ('https://…'), a database "
        "('sqlite:///mlflow.db') or a folder ('file:mlruns').",
    )
    wandb: str | None = Field(
        default=None,
        pattern=r"^([^/\s]+/)?[^/\s]+$",
        description="Project of Weights & Biases, or 'entity/project'.",
    )

    @field_validator("tensorboard")
    @classmethod
    def _some_folder(cls, tensorboard: bool | str) -> bool | str:
        if tensorboard == "":
            raise ValueError("must be true, or name a folder")
        return tensorboard

    @field_validator("mlflow")
    @classmethod
    def _without_password(cls, mlflow: str | None) -> str | None:
        if mlflow is not None and re.search(r"//[^/@\s]*:[^/@\s]*@", mlflow):
            raise ValueError(
                "holds a password, which every run would keep: set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD in the environment"
            )
        return mlflow

    @property
    def named(self) -> list[str]:
        """The names of the trackers that are used."""
        given = {
            "tensorboard": bool(self.tensorboard),
            "mlflow": self.mlflow is not None,
            "wandb": self.wandb is not None,
        }
        return [name for name, is_named in given.items() if is_named]


class OutputConfig(Section):
    """What a run leaves behind."""

    directory: str = Field(default="runs/default", min_length=1, description="The run directory.")


class ReportConfig(Section):
    """The page that a training writes of itself, `report.html` (docs/reporting.md)."""

    enabled: bool = Field(
        default=True,
        description="Write report.html; `mtc-keras report` writes it later, too, as what was "
        "predicted of each row is kept.",
    )
    texts: bool = Field(
        default=True,
        description="Keep the texts of the judged rows in the run, and show some of them in the "
        "report, such as the most confident mistakes, and in `mtc-keras check`.",
    )
    slices: list[str] = Field(
        default_factory=list,
        description="Columns by whose values the report judges rows apart, such as a region or a "
        "channel; their values are kept in the run.",
    )
