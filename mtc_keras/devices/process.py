"""The set-up of a process: seed, precision, caches, the versions of its packages."""

import contextlib
import importlib.metadata
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from mtc_keras.devices.hardware import accelerated
from mtc_keras.devices.late_tensorflow import once_imported

PACKAGES = (
    "mtc-keras",
    "keras",
    "keras-hub",
    "jax",
    "jaxlib",
    "tensorflow",
    "tensorflow-text",
    "numpy",
    "scikit-learn",
    "iterative-stratification",
)


def setup(seed: int | None = None) -> None:
    """Prepares Keras and JAX for one training or prediction. Call it before importing KerasHub.

    Args:
        seed: optional int. Seed of Python, NumPy and Keras.
    """
    if seed is not None:
        keras.utils.set_random_seed(seed)
    if keras.backend.backend() != "jax":
        return
    keep_tensorflow_off_gpus()
    import jax

    settings: Any = jax.config  # its attributes are created at run time
    if settings.jax_compilation_cache_dir is None:
        settings.update("jax_compilation_cache_dir", str(cache_directory() / "xla"))


def keep_tensorflow_off_gpus() -> None:
    """Keeps TensorFlow, which only feeds data, from taking the memory of the GPUs that JAX uses."""

    def hide_gpus(tensorflow: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the user may have initialised it
            tensorflow.config.set_visible_devices([], "GPU")

    if keras.backend.backend() == "jax":
        once_imported("GPUs hidden", hide_gpus)


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Computes float32 products in full float32; a GPU would otherwise round their factors."""
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    with jax.default_matmul_precision("highest"):
        yield


def dtype_policy(precision: str) -> str:
    """Returns the dtype policy of a backbone: `"float32"` or `"mixed_bfloat16"`.

    Args:
        precision: `"float32"`, `"bfloat16"`, or `"auto"`: bfloat16 on a GPU or TPU, which
            computes it faster, and float32 on a CPU.
    """
    if precision == "auto":
        precision = "bfloat16" if accelerated() else "float32"
    return "mixed_bfloat16" if precision == "bfloat16" else "float32"


@contextlib.contextmanager
def random_bits(for_any_devices: bool | None = None) -> Iterator[None]:
    """Chooses how random bits are drawn while the context lasts.

    Args:
        for_any_devices: bool. Whether they are the same however many devices there are and
            however an array is spread over them, as first weights must be. That costs twice the
            time, which a training feels: the default is `True` only where there are several
            devices, so that dropout's masks are others on a single one.
    """
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    if for_any_devices is None:
        for_any_devices = jax.device_count() > 1
    with jax.threefry_partitionable(for_any_devices):
        yield


def cache_directory() -> Path:
    """Returns this package's directory in the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "mtc_keras"


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that affect a run's numbers."""
    found = {"python": platform.python_version(), "keras_backend": keras.backend.backend()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
