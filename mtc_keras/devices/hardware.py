"""What computes: the devices of all processes, and how a model lies on them."""

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
    """Returns the cores of the one CPU that does all the computing; 0 if something else does."""
    if keras.backend.backend() != "jax" or keras.distribution.distribution() is not None:
        return 0
    if accelerated() or processes.count() > 1:
        return 0
    import joblib  # knows the limits of containers, too

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
    """Returns how many copies of the model share a batch, and on how many devices each lies."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return 1, 1
    copies, *parts = distribution.device_mesh.shape
    return int(copies), math.prod(parts)


def device_names(most: int | None = None) -> list[str]:
    """Returns the names of devices as Keras knows them, those of a process together.

    Args:
        most: int. Devices taken of each process; default: all.
    """
    import jax

    by_process: dict[int, list[Any]] = {}
    for device in sorted(jax.devices(), key=lambda d: (d.process_index, d.id)):
        by_process.setdefault(device.process_index, []).append(device)
    return [f"{d.platform}:{d.id}" for devices in by_process.values() for d in devices[:most]]
