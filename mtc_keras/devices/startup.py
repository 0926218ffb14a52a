"""The start of Keras and its kin: what any caller needs, and what a program does to its process.

A function of this package leaves the process of its caller as it is: environment, allocator and
file descriptors are changed by programs alone, in `owned_process`, but for stderr during an import.
"""

import atexit
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

from mtc_keras.config import DistributionConfig
from mtc_keras.devices.late_tensorflow import imported_late
from mtc_keras.devices.memory import keep_freed_memory
from mtc_keras.devices.quiet import importing_quietly, owned


def start(
    distribution: DistributionConfig | None = None,
    *,
    batch_size: int | None = None,
    seed: int | None = None,
) -> None:
    """Imports Keras, JAX and KerasHub, which takes seconds, and chooses the devices.

    Args:
        distribution: the `[distribution]` section; `None` keeps the devices as they are.
        batch_size: int. Rows per training step; 0 for as many as the devices divide, `None` to
            predict only.
        seed: optional int that seeds Python, NumPy and Keras, as a training needs it; a
            prediction does not.

    Raises:
        ConfigError: if the devices are too few, or do not divide what they share.
    """
    with importing_quietly():
        with imported_late():
            from mtc_keras.devices import process

        process.setup(seed)
        if distribution is not None:  # before anything looks at the devices
            from mtc_keras.devices.distribution import distribute

            distribute(distribution, batch_size)
        with imported_late():
            import keras_hub  # noqa: F401


@contextmanager
def owned_process() -> Iterator[None]:
    """While it is entered, the process is a program's own, to be set up as suits the program.

    The process keeps the memory that it frees, ends without tidying it up, and shows nothing of
    what the C++ code of TensorFlow and XLA logs. To be entered before TensorFlow and JAX start
    their threads.
    """
    keep_freed_memory()
    # At the end Python looks for cycles among a million objects, which takes two seconds.
    atexit.register(gc.freeze)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["JAX_DEFAULT_PRNG_IMPL"] = "threefry2x32"  # Keras (3.15) makes no keys for another
    before = owned.set(True)
    try:
        yield
    finally:
        owned.reset(before)
