"""Less memory for activations: recompute them, or compute a batch in parts."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jax


def rematerialised(function: Callable[..., Any], keep_dense: bool = True) -> Callable[..., Any]:
    """Returns a function whose backward pass recomputes its intermediate values.

    Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost" (arXiv 1604.06174).

    Args:
        function: a function of arrays.
        keep_dense: bool. Whether to keep the results of matrix products, which are costly to
            recompute; those inside attention are never kept.
    """
    import jax

    policies = jax.checkpoint_policies
    policy = policies.dots_with_no_batch_dims_saveable if keep_dense else None
    return jax.checkpoint(function, policy=policy)


def scan_parts(
    function: Callable[[Any, Any], tuple[Any, Any]], state: Any, inputs: Any, parts: int
) -> tuple[Any, Any]:
    """Applies a function to the parts of a batch, one after another.

    Args:
        function: from `(state, inputs of a part)` to `(new state, outputs of the part)`.
        state: arrays passed on from part to part.
        inputs: arrays of shape `(B, …)`, `B` a multiple of `parts`.
        parts: int. Row `r` belongs to part `r % parts`, so that the rows of a batch that is
            spread over devices stay where they are.

    Returns:
        The last state, and the outputs of all parts: arrays of shape `(B, …)` in the order of
        the rows, and the mean of each scalar.
    """
    import jax

    def split(array: "jax.Array") -> "jax.Array":
        return array.reshape(-1, parts, *array.shape[1:]).swapaxes(0, 1)

    def joined(array: "jax.Array") -> "jax.Array":
        if array.ndim == 1:  # a scalar of each part, such as a loss
            return array.mean()
        return array.swapaxes(0, 1).reshape(-1, *array.shape[2:])

    state, outputs = jax.lax.scan(function, state, jax.tree.map(split, inputs))
    return state, jax.tree.map(joined, outputs)
