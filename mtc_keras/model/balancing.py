"""Weights between tasks that change while a model trains.

Each method turns the losses `L_t` of the tasks into one number to minimise. `w_t` is the
factor of a task's loss in its gradient, which is logged; a task's own `loss_weight` `c_t`
multiplies. A task without a label in a batch has no part in that step.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops

SMALLEST = 1e-8  # keeps logarithms of losses, and their gradients, finite


@keras.saving.register_keras_serializable("mtc_keras")
class Balancing(keras.layers.Layer):
    """Fixed weights: `Σ_t c_t L_t`. The other methods are subclasses.

    State is held in variables that no optimizer of the model touches, so that it is saved
    with the model, and neither decayed nor clipped.

    Args:
        num_tasks: int. Number of tasks.
        factors: optional floats, one per task: the factor of its loss in a Gaussian
            likelihood, ½ for squared errors.
    """

    method = "static"
    needs_losses_after_update = False
    # Whether the weights depend on the losses of the same batch, so that no part of it has a
    # gradient before all of it has losses. A subclass' do, unless it says otherwise.
    needs_losses = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.needs_losses = cls.__dict__.get("needs_losses", True)

    def __init__(
        self, num_tasks: int, factors: Sequence[float] | None = None, **kwargs: Any
    ) -> None:
        kwargs.setdefault("name", "balancing")
        super().__init__(trainable=False, **{k: v for k, v in kwargs.items() if k != "trainable"})
        self.num_tasks = num_tasks
        self.factors = list(factors or [1.0] * num_tasks)
        self.built = True

    def combine(
        self,
        losses: KerasTensor,
        present: KerasTensor,
        constants: KerasTensor,
        training: bool,
    ) -> tuple[KerasTensor, KerasTensor]:
        """Returns the number to minimise and the weight `w_t` of each task.

        Args:
            losses: float32 of shape `(T,)`, the tasks' losses on one batch.
            present: float32 of shape `(T,)`, 1 for tasks that have a label in it, else 0.
            constants: float32 of shape `(T,)`, the given loss weights `c_t`.
            training: bool. Whether state may change.
        """
        weights = constants * self.weights_of(losses, present, training)
        return ops.sum(ops.stop_gradient(weights) * losses), weights

    def weights_of(self, losses: KerasTensor, present: KerasTensor, training: bool) -> KerasTensor:
        """Returns the weights of a method that weighs losses without learning by gradient."""
        return ops.ones((self.num_tasks,))

    def after_update(self, losses: KerasTensor, present: KerasTensor) -> None:
        """Takes the losses of the same batch after the optimizer's step."""

    def on_epoch_end(self, losses: Sequence[float]) -> None:
        """Takes the mean training losses of an epoch."""

    def _state(self, name: str, start: float | Sequence[float] = 0.0) -> keras.Variable:
        return self.add_weight(
            shape=(self.num_tasks,),
            initializer=keras.initializers.Constant(start),
            trainable=False,
            name=name,
        )

    def _adam(self, variable: keras.Variable, learning_rate: float) -> None:
        self.optimizer = keras.optimizers.Adam(learning_rate)
        self.optimizer.build([variable])
        self.optimizer_state = self.optimizer.variables  # part of the model's state

    def _step(self, gradient: KerasTensor, variable: keras.Variable, present: KerasTensor) -> None:
        """Takes a step of Adam; tasks that are not present keep their values and moments."""
        kept = [v for v in (variable, *self.optimizer.variables) if v.shape == variable.shape]
        before = [ops.convert_to_tensor(v) for v in kept]
        self.optimizer.apply([gradient], [variable])
        for v, old in zip(kept, before, strict=True):
            v.assign(ops.where(present > 0, ops.convert_to_tensor(v), old))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "num_tasks": self.num_tasks, "factors": self.factors}


@keras.saving.register_keras_serializable("mtc_keras")
class Uncertainty(Balancing):
    """Learned log-variances `s_t`: `Σ_t c_t (f_t exp(-s_t) L_t + s_t / 2)`.

    Kendall, Gal & Cipolla 2018 (arXiv 1705.07115), equations 7 and 10, with `s = log σ²`:
    `f_t` is ½ for squared errors and 1 for cross-entropies, `w_t = c_t f_t exp(-s_t)`. They
    start at `s_t = log f_t`, where every `w_t` is `c_t`, and take steps of Adam along
    `c_t (½ - f_t exp(-s_t) L_t)`. As they start at equal weights, `f_t` changes no weight: it
    makes `s_t` the log-variance that the equations speak of.

    Args:
        learning_rate: float. Rate of the log-variances.
        **kwargs: as for `Balancing`.
    """

    method = "uncertainty"
    needs_losses = False

    def __init__(self, learning_rate: float = 1e-2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.learning_rate = learning_rate
        self.log_variances = self._state("log_variances")
        self.log_variances.assign(ops.log(ops.convert_to_tensor(self.factors, "float32")))
        self._adam(self.log_variances, learning_rate)

    def combine(
        self,
        losses: KerasTensor,
        present: KerasTensor,
        constants: KerasTensor,
        training: bool,
    ) -> tuple[KerasTensor, KerasTensor]:
        log_variances = ops.convert_to_tensor(self.log_variances)
        weights = (
            constants * ops.convert_to_tensor(self.factors, "float32") * ops.exp(-log_variances)
        )
        total = ops.sum(weights * losses + present * constants * log_variances / 2)
        if training:
            gradient = present * (constants / 2 - weights * ops.stop_gradient(losses))
            self._step(gradient, self.log_variances, present)
        return total, weights

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "learning_rate": self.learning_rate}


@keras.saving.register_keras_serializable("mtc_keras")
class DynamicWeightAverage(Balancing):
    """A task whose loss falls slowly weighs more: `w_t = c_t K exp(r_t / T) / Σ_i exp(r_i / T)`.

    Liu, Johns & Davison 2019 (arXiv 1803.10704), equation 7: `r_t` is the task's mean training
    loss of the last epoch over that of the epoch before, and 1 in the first two.

    Args:
        temperature: float > 0, `T`. Larger makes the weights more alike.
        **kwargs: as for `Balancing`.
    """

    method = "dwa"
    needs_losses = False

    def __init__(self, temperature: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.temperature = temperature
        self.last = self._state("last_losses")
        self.rates = self._state("rates", 1.0)

    def weights_of(self, losses: KerasTensor, present: KerasTensor, training: bool) -> KerasTensor:
        rates = ops.convert_to_tensor(self.rates)
        return self.num_tasks * ops.softmax(rates / self.temperature)

    def on_epoch_end(self, losses: Sequence[float]) -> None:
        current = ops.convert_to_tensor(list(losses), "float32")
        before = ops.convert_to_tensor(self.last)
        comparable = ops.logical_and(before > 0, current > 0)
        self.rates.assign(ops.where(comparable, current / ops.maximum(before, SMALLEST), 1.0))
        self.last.assign(current)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "temperature": self.temperature}


@keras.saving.register_keras_serializable("mtc_keras")
class RandomWeights(Balancing):
    """Random weights in every step: `w = c · softmax(z)`, `z ~ N(0, 1)`.

    Lin et al. 2022, "Reasonable Effectiveness of Random Weighting" (arXiv 2111.10603),
    section 3.1.

    Args:
        seed: int. Seed of the weights.
        **kwargs: as for `Balancing`.
    """

    method = "rlw"
    needs_losses = False

    def __init__(self, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def weights_of(self, losses: KerasTensor, present: KerasTensor, training: bool) -> KerasTensor:
        if not training:
            return ops.ones((self.num_tasks,)) / self.num_tasks
        return ops.softmax(keras.random.normal((self.num_tasks,), seed=self.seed_generator))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}

    # Keras leaves the states of seed generators out of its files.
    def save_own_variables(self, store: MutableMapping[str, np.ndarray]) -> None:
        super().save_own_variables(store)
        store["seed_state"] = ops.convert_to_numpy(self.seed_generator.state)

    def load_own_variables(self, store: MutableMapping[str, np.ndarray]) -> None:
        self.seed_generator.state.assign(store["seed_state"])


@keras.saving.register_keras_serializable("mtc_keras")
class SumOfLogs(Balancing):
    """`Σ_t c_t log L_t`, so that each task counts by relative progress: `w_t = c_t / L_t`.

    Chennupati et al. 2019 (arXiv 1904.08492), section 3.2, the geometric loss strategy.
    """

    method = "log"

    def combine(
        self,
        losses: KerasTensor,
        present: KerasTensor,
        constants: KerasTensor,
        training: bool,
    ) -> tuple[KerasTensor, KerasTensor]:
        safe = ops.maximum(losses, SMALLEST)
        weights = present * constants / ops.stop_gradient(safe)
        return ops.sum(present * constants * ops.log(safe)), weights


@keras.saving.register_keras_serializable("mtc_keras")
class FAMO(Balancing):
    """Fast adaptive multitask optimization: every task's loss falls at the same relative rate.

    Liu, Feng, Stone & Liu 2023 (arXiv 2306.03792), algorithm 1: with `z = softmax(ξ)` the step
    minimises `Σ_t z_t log L_t / Σ_i (z_i / L_i)`, so that `w_t = z_t / L_t` over their sum.
    After it, with the losses `L'` of the same batch, `ξ` takes a step of Adam along
    `Jᵀ (log L - log L') + decay · ξ`, `J` being the derivative of the softmax. `L'` takes a second
    forward pass: the losses of the next batch would tell how much its rows differ from those of
    this one, and not how far the step has brought each task.

    Args:
        learning_rate: float. Rate of `ξ`.
        decay: float. `γ` of the paper.
        **kwargs: as for `Balancing`.
    """

    method = "famo"
    needs_losses_after_update = True

    def __init__(self, learning_rate: float = 0.025, decay: float = 0.01, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.learning_rate = learning_rate
        self.decay = decay
        self.xi = self._state("xi")
        self.before = self._state("losses_before_update", 1.0)
        self._adam(self.xi, learning_rate)

    def weights_of(self, losses: KerasTensor, present: KerasTensor, training: bool) -> KerasTensor:
        losses = ops.stop_gradient(losses)
        relative = present * ops.softmax(ops.convert_to_tensor(self.xi)) / (losses + SMALLEST)
        if training:
            self.before.assign(losses)
        return ops.divide_no_nan(relative, ops.sum(relative))

    def after_update(self, losses: KerasTensor, present: KerasTensor) -> None:
        before = ops.convert_to_tensor(self.before)
        progress = present * (ops.log(before + SMALLEST) - ops.log(losses + SMALLEST))
        xi = ops.convert_to_tensor(self.xi)
        z = present * ops.softmax(xi)
        z = ops.divide_no_nan(z, ops.sum(z))
        gradient = z * (progress - ops.sum(z * progress)) + self.decay * xi
        self._step(gradient, self.xi, present)

    def get_config(self) -> dict[str, Any]:
        own = {"learning_rate": self.learning_rate, "decay": self.decay}
        return {**super().get_config(), **own}


METHODS: dict[str, type[Balancing]] = {
    kind.method: kind
    for kind in (Balancing, Uncertainty, DynamicWeightAverage, RandomWeights, SumOfLogs, FAMO)
}


def make_balancing(
    method: str | Balancing | Mapping[str, Any], factors: Sequence[float]
) -> Balancing:
    """Returns a balancing layer.

    Args:
        method: a name of `METHODS`, a layer, or a serialized one.
        factors: the factor of each task's loss in a Gaussian likelihood.

    Raises:
        ValueError: for an unknown name, a layer of another number of tasks, or `"famo"`
            where it cannot work.
    """
    if isinstance(method, Balancing):
        balancing = method
    elif isinstance(method, Mapping):
        balancing = keras.saving.deserialize_keras_object(dict(method))
    elif method in METHODS:
        balancing = METHODS[method](num_tasks=len(factors), factors=factors)
    else:
        raise ValueError(f"balancing must be one of {list(METHODS)}. Received: {method!r}")
    if balancing.num_tasks != len(factors):
        raise ValueError(
            f"balancing must be for {len(factors)} tasks. Received: {balancing.num_tasks}"
        )
    if balancing.needs_losses_after_update and len(factors) < 2:
        raise ValueError(f"balancing {balancing.method!r} needs two or more tasks")
    return balancing


def check_backend(balancing: Balancing) -> None:
    """Raises an error if the backend cannot train with a method; predict it can with any.

    Raises:
        ValueError: if the method needs the losses after an update, which only JAX gives.
    """
    if balancing.needs_losses_after_update and keras.backend.backend() != "jax":
        raise ValueError(
            f"balancing {balancing.method!r} needs the JAX backend. "
            f"Received: {keras.backend.backend()}"
        )
