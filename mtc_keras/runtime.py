"""Seeds, devices, compilation cache and versions of a process.

The only module that knows which backend computes; TensorFlow always feeds the data.
"""

import contextlib
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import keras

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


def setup(seed: int) -> None:
    """Prepares the process for one training or prediction; before KerasHub is imported.

    Args:
        seed: int. Seeds Python, NumPy and Keras.
    """
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() != "jax":
        return
    keep_tensorflow_off_gpus()
    import jax

    settings: Any = jax.config  # its attributes are made at run time
    if settings.jax_compilation_cache_dir is None:
        settings.update("jax_compilation_cache_dir", str(cache_directory() / "xla"))


def keep_tensorflow_off_gpus() -> None:
    """Keeps TensorFlow, which only feeds data, from taking the memory of GPUs JAX uses."""
    if keras.backend.backend() == "jax":
        import tensorflow as tf

        with contextlib.suppress(RuntimeError):  # the user has used TensorFlow before
            tf.config.set_visible_devices([], "GPU")


def cache_directory() -> Path:
    """Returns the user's cache directory of this package."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "mtc_keras"


def device() -> str:
    """Returns what the model runs on, such as `cpu × 1`."""
    if keras.backend.backend() != "jax":
        return keras.backend.backend()
    import jax

    devices = jax.devices()
    return f"{devices[0].device_kind} × {len(devices)}"


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that decide a run's numbers."""
    found = {"python": platform.python_version(), "keras_backend": keras.backend.backend()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
