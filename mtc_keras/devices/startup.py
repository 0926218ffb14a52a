"""The start of Keras and its kin: what any caller needs, and what a program does to its process.

A function of this package leaves the process of its caller as it is: environment, allocator and
file descriptors are changed by programs alone, in `owned_process`.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from mtc_keras.config import DistributionConfig
from mtc_keras.devices.memory import keep_freed_memory

_owned: ContextVar[bool] = ContextVar("owned", default=False)


def start(
    distribution: DistributionConfig | None = None,
    *,
    batch_size: int | None = None,
    seed: int | None = None,
) -> None:
    """Imports Keras, JAX, TensorFlow and KerasHub, which takes seconds, and chooses the devices.

    Args:
        distribution: the `[distribution]` section; `None` keeps the devices as they are.
        batch_size: int. Rows per training step; `None` to predict only.
        seed: optional int that seeds Python, NumPy and Keras, as a training needs it; a
            prediction does not.

    Raises:
        ConfigError: if the devices are too few, or do not divide what they share.
    """
    with quietly():
        from mtc_keras.devices import process

        process.setup(seed)
        if distribution is not None:  # before anything looks at the devices
            from mtc_keras.devices.distribution import distribute

            distribute(distribution, batch_size)
        import keras_hub  # noqa: F401


@contextmanager
def owned_process() -> Iterator[None]:
    """While it is entered, the process is a program's own, to be set up as suits the program.

    The process keeps the memory that it frees, and shows nothing of what the C++ code of
    TensorFlow and XLA prints. To be entered before TensorFlow and JAX start their threads.
    """
    keep_freed_memory()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["JAX_DEFAULT_PRNG_IMPL"] = "threefry2x32"  # Keras (3.15) makes no keys for another
    before = _owned.set(True)
    try:
        yield
    finally:
        _owned.reset(before)


@contextmanager
def quietly() -> Iterator[None]:
    """Hides what is printed to stderr, also by C++ code, if the process is a program's own.

    TensorFlow only feeds the data: what it prints of devices and instructions, before any log
    level is read, concerns nobody.
    """
    if not _owned.get():
        yield
        return
    sys.stderr.flush()
    shown, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(shown, 2)
        os.close(shown)
        os.close(nowhere)
