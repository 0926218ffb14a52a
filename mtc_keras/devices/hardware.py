"""The hardware: the devices of all processes, and how a model is placed on them."""

import math
from typing import Any

import keras

from mtc_keras.devices import processes


def accelerated() -> bool:
    """Whether the model runs on a GPU or TPU."""
    if keras.backend.backend() != "jax":
        return False
    import jax

    return jax.default_backend() != "cpu"


def cores() -> int:
    """Returns the number of cores if one CPU does all the computing, else 0."""
    if keras.backend.backend() != "jax" or keras.distribution.distribution() is not None:
        return 0
    if accelerated() or processes.count() > 1:
        return 0
    import joblib  # respects the limits of containers, too

    return int(joblib.cpu_count())


def device() -> str:
    """Returns what the model runs on, such as `cpu × 8 (2 processes)`."""
    if keras.backend.backend() != "jax":
        return keras.backend.backend()
    import jax

    kind, (copies, parts) = jax.devices()[0].device_kind, mesh_shape()
    notes = [f"each copy of the model over {parts} devices"] if parts > 1 else []
    notes += [f"{processes.count()} processes"] if processes.count() > 1 else []
    shown = f"{kind} × {copies * parts}"
    return f"{shown} ({', '.join(notes)})" if notes else shown


def mesh_shape() -> tuple[int, int]:
    """Returns how many copies of the model share a batch, and how many devices each one uses."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return 1, 1
    copies, *parts = distribution.device_mesh.shape
    return int(copies), math.prod(parts)


def device_names(most: int | None = None) -> list[str]:
    """Returns Keras' names of the devices, grouped by process.

    Args:
        most: int. Maximum number of devices per process; default: all.
    """
    import jax

    by_process: dict[int, list[Any]] = {}
    for device in sorted(jax.devices(), key=lambda d: (d.process_index, d.id)):
        by_process.setdefault(device.process_index, []).append(device)
    return [f"{d.platform}:{d.id}" for devices in by_process.values() for d in devices[:most]]
