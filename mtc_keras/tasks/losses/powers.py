"""Powers of probabilities whose gradients are finite."""

from keras import KerasTensor, ops

SMALLEST = 1e-7  # keeps powers and logarithms, and their gradients, finite


def power(base: KerasTensor, exponent: float) -> KerasTensor:
    """Returns `base^exponent` for a base in [0, 1], with a gradient that is finite at 0."""
    if exponent == 0:
        return 1.0
    return ops.power(ops.maximum(base, SMALLEST), exponent)
