"""What the JSON files of a run hold, as far as it is read again; more may stand in them."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

Number = Annotated[float, Field(allow_inf_nan=False)]
# Of a metric that is not finite null is written; some are tables or lists, as by class.
Metric = int | Number | None | dict[str, Any] | list[Any]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
SUMS_SINCE = 2  # the format of a run since which its checksums are in SHA256SUMS


class Section(BaseModel):
    """An object of JSON with some keys that are read."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)


class About(Section):
    """`run.json`.

    Args:
        format: the format that the run was written in.
        sha256: checksums of the model's files, of format 1.
    """

    format: int = Field(default=0, ge=0)
    sha256: dict[str, Digest] = Field(default_factory=dict)

    @property
    def has_sums(self) -> bool:
        """Whether `SHA256SUMS` must be there."""
        return self.format >= SUMS_SINCE


class Tasks(Section):
    """The metrics of each task; null where no row had its label."""

    tasks: dict[str, dict[str, Metric] | None]


class Judged(Tasks):
    """How a split was judged."""

    baseline: Tasks


class Metrics(Section):
    """`metrics.json`."""

    constant_prediction: dict[str, int | Number | list[int | Number]]
    validation: Judged | None = None
    test: Judged | None = None


class Seconds(Section):
    """How long the training took."""

    to_last_epoch: Number


class Environment(Section):
    """`environment.json`."""

    seconds: Seconds
    data_sha256: dict[str, Digest]


class LossWeight(Section):
    """The weight of a task's loss, and the rule that gave it."""

    rule: str | None = None
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class LossWeights(RootModel[dict[str, LossWeight]]):
    """`loss_weights.json`, by task."""


class Epoch(Section):
    """A line of `history.jsonl`."""

    epoch: int = Field(ge=1)
