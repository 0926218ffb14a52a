"""Gradients of a loss, of a whole batch or summed over its parts."""

from collections.abc import Callable, Sequence
from typing import Any

from mtc_keras.devices.rematerialisation import scan_parts

# From values to differentiate by, and whatever else, to a loss and other results.
Objective = Callable[..., tuple[Any, Any]]


def with_gradients(objective: Objective) -> Callable[..., Any]:
    """Returns a function from the same arguments to `((loss, others), gradients)`."""
    import jax

    return jax.value_and_grad(objective, has_aux=True)


def computed(values: Any) -> Any:
    """Returns values once they are computed; raises what has failed while they were."""
    import jax

    wait: Any = jax.block_until_ready  # has no types
    return wait(values)


def summed_over_parts(
    objective: Objective, values: Sequence[Any], state: Any, inputs: Any, parts: int
) -> tuple[list[Any], Any, Any]:
    """Returns gradients summed over the parts of a batch, which are computed one after another.

    A part's backward pass follows its forward pass, so that only one part's activations are in
    memory, and nothing is computed twice.

    Args:
        objective: from `(values, state, inputs of a part)` to `(loss, (new state, outputs))`.
        values: arrays to differentiate by.
        state: arrays passed on from part to part.
        inputs: arrays of shape `(B, …)`, `B` a multiple of `parts`.
        parts: int. As for `scan_parts`.

    Returns:
        The gradients, the last state, and the outputs of all parts, as of `scan_parts`.
    """
    import jax.numpy as jnp

    gradient = with_gradients(objective)

    def add(so_far: Any, part: Any) -> Any:
        sums, state = so_far
        (_, (state, outputs)), gradients = gradient(values, state, part)
        sums = [total + new for total, new in zip(sums, gradients, strict=True)]
        return (sums, state), outputs

    zeros = [jnp.zeros_like(value) for value in values]
    (sums, state), outputs = scan_parts(add, (zeros, state), inputs, parts)
    return sums, state, outputs
