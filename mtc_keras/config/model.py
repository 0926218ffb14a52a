"""The tables of the model, `[model]` and `[model.random]`."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mtc_keras.config.sections import Section
from mtc_keras.tasks.base import MOST_WIDTH, Pooling

LongTexts = Literal["truncate", "head_tail", "windows"]
# A NUL is read nowhere, and would end a text in TensorFlow.
Prefix = Annotated[str, Field(max_length=1_000, pattern=r"^[^\x00]*$")]
# Above all that anybody trains, and below what one wrong digit, or a stranger's config, costs.
MOST_LAYERS = 1_000
MOST_VOCABULARY = 10_000_000
MOST_TOKENS = 1_048_576  # of a text
TRAINING_WINDOWS = 4  # by default
MOST_WINDOWS = 4_096  # of a text in a training step
MOST_PARAMETERS = 2**31


class RandomBackboneConfig(Section):
    """Sizes of `backbone = "random"`, a BERT with random weights for tests and benchmarks."""

    num_layers: int = Field(
        default=2, ge=1, le=MOST_LAYERS, description="Number of Transformer layers."
    )
    num_heads: int = Field(default=2, ge=1, le=MOST_WIDTH, description="Attention heads per layer.")
    hidden_dim: int = Field(
        default=64, ge=2, le=MOST_WIDTH, description="Width of the hidden states."
    )
    intermediate_dim: int = Field(
        default=128, ge=2, le=16 * MOST_WIDTH, description="Width of the feed-forward layers."
    )
    vocabulary_size: int = Field(
        default=2000,
        ge=64,
        le=MOST_VOCABULARY,
        description="Maximum number of word pieces learned from the training texts.",
    )

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden_dim % self.num_heads:
            raise ValueError(
                f"hidden_dim ({self.hidden_dim}) must be a multiple of num_heads ({self.num_heads})"
            )
        layer = 4 * self.hidden_dim**2 + 2 * self.hidden_dim * self.intermediate_dim
        parameters = self.vocabulary_size * self.hidden_dim + self.num_layers * layer
        if parameters > MOST_PARAMETERS:
            raise ValueError(
                f"a random backbone of about {parameters:,} parameters is more than "
                f"{MOST_PARAMETERS:,}; choose smaller sizes"
            )
        return self


class ModelConfig(Section):
    """The model between the tokens and the heads."""

    backbone: str = Field(
        default="minilm",
        min_length=1,
        description="'minilm', a KerasHub preset, hf://…, kaggle://…, a local folder, or 'random'.",
    )
    max_length: int = Field(
        default=128, ge=4, le=MOST_TOKENS, description="Tokens that the backbone reads at once."
    )
    prefix: Prefix = Field(
        default="",
        description="Put before each text that is not empty, as some backbones were trained: "
        '"query: " for E5. It is saved with the model, and reads texts wherever it is asked.',
    )
    long_texts: LongTexts = Field(
        default="truncate",
        description="What is read of texts of more than max_length tokens: their beginning "
        "(truncate), a quarter from the beginning and the rest from the end (head_tail), or all of "
        "it in windows of max_length, whose logits each task pools (windows).",
    )
    window_overlap: int | None = Field(
        default=None,
        ge=0,
        le=MOST_TOKENS,
        description="Tokens that neighbouring windows share; default: a quarter of max_length.",
    )
    training_windows: int | None = Field(
        default=None,
        ge=1,
        le=MOST_WINDOWS,
        description="Windows drawn of a text per training step, others are read by prediction "
        "alone; default: 4. They bound the memory of a step: batch_size windows of each.",
    )
    pooling: Pooling = Field(
        default="mean",
        description="How token states become one vector per text: their mean, the first one, their "
        "maximum, or the backbone's own pooler; a task may choose its own.",
    )
    dropout: float = Field(default=0.1, ge=0, lt=1, description="Dropout before the heads.")
    backbone_dropout: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="Dropout inside the backbone; default: its own. At 0, Keras computes attention "
        "in one operation, which is flash attention where the device supports it.",
    )
    lora_rank: int | None = Field(
        default=None,
        ge=1,
        le=MOST_WIDTH,
        description="Rank of low-rank updates to the attention's query and value kernels, trained "
        "(with the heads) instead of the backbone's own weights.",
    )
    random: RandomBackboneConfig | None = Field(
        default=None, description="Sizes of the random backbone."
    )

    @model_validator(mode="after")
    def _sizes_belong_to_random(self) -> Self:
        if self.random is not None and self.backbone != "random":
            raise ValueError('sizes in [model.random] need backbone = "random"')
        return self

    @model_validator(mode="after")
    def _settings_belong_to_windows(self) -> Self:
        for key in ("window_overlap", "training_windows"):
            if getattr(self, key) is not None and self.long_texts != "windows":
                raise ValueError(f'{key} needs long_texts = "windows"')
        if self.window_overlap is not None and self.window_overlap >= self.max_length:
            raise ValueError(
                f"window_overlap ({self.window_overlap}) must be less than max_length "
                f"({self.max_length})"
            )
        return self
