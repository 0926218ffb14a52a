"""AdamW with a learning rate per layer, and its schedule: warm-up, then decay."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import KerasTensor, ops


@keras.saving.register_keras_serializable("mtc_keras")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to the peak rate, then decays towards 0 after the last step.

    Args:
        peak: float. The highest rate.
        warmup_steps: int. Steps of the rise.
        total_steps: int. Steps of the whole training.
        decay: `"linear"`, `"cosine"` or `"constant"` (stays at the peak).
    """

    def __init__(
        self, peak: float, warmup_steps: int, total_steps: int, decay: str = "linear"
    ) -> None:
        super().__init__()
        if decay not in ("linear", "cosine", "constant"):
            raise ValueError(
                f"decay must be 'linear', 'cosine' or 'constant'. Received: decay={decay}"
            )
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps
        self.decay = decay

    def __call__(self, step: KerasTensor) -> KerasTensor:
        step = ops.cast(step, "float32")
        rise = (step + 1.0) / max(self.warmup_steps, 1)
        left = max(self.total_steps - self.warmup_steps, 1)
        progress = ops.clip((step - self.warmup_steps) / left, 0.0, 1.0)
        if self.decay == "linear":
            fall = 1.0 - progress
        elif self.decay == "cosine":
            fall = 0.5 * (1.0 + ops.cos(math.pi * progress))
        else:
            fall = ops.ones_like(progress)
        return self.peak * ops.where(step < self.warmup_steps, rise, fall)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
            "decay": self.decay,
        }


@keras.saving.register_keras_serializable("mtc_keras")
class LayerwiseAdamW(keras.optimizers.AdamW):
    """`keras.optimizers.AdamW` with a factor on the rate of each variable.

    Several optimizers in one (`MultiOptimizer`) would clip each group of gradients
    by itself; here `global_clipnorm` holds over all gradients together.

    Args:
        rate_factors: dict from a variable's path to the factor on its learning rate
            and weight decay; variables it does not name have factor 1.
        **kwargs: as for `keras.optimizers.AdamW`. Biases and layer norms are
            never decayed.
    """

    def __init__(self, rate_factors: dict[str, float] | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("name", "layerwise_adamw")
        super().__init__(**kwargs)
        self.rate_factors = dict(rate_factors or {})
        self.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "scale"])

    def _factor(self, variable: keras.Variable) -> float:
        return self.rate_factors.get(variable.path, 1.0)

    def update_step(
        self,
        gradient: KerasTensor,
        variable: keras.Variable,
        learning_rate: KerasTensor,
    ) -> None:
        super().update_step(gradient, variable, learning_rate * self._factor(variable))

    def _apply_weight_decay(self, variables: Sequence[keras.Variable]) -> None:
        if not self.weight_decay:
            return
        for variable in variables:
            if self._use_weight_decay(variable):
                rate = ops.cast(self.learning_rate * self._factor(variable), variable.dtype)
                variable.assign(variable - variable * self.weight_decay * rate)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate_factors": self.rate_factors}
