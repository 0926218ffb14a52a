"""The processes that train one model together."""

import os
import sys
import threading

import keras
import numpy as np

from mtc_keras.errors import ConfigError

SECONDS_TO_PART = 10.0


def initialize(coordinator: str | None, processes: int | None, process_id: int | None) -> None:
    """Joins the processes of one training. Call it once, before any use of the devices.

    Args:
        coordinator: `host:port` of process 0.
        processes: int. Number of processes.
        process_id: int. Number of this process. JAX asks the environment for each `None`.

    Raises:
        ConfigError: if they cannot be joined.
    """
    import jax

    if jax.distributed.is_initialized():
        return
    try:
        keras.distribution.initialize(coordinator, processes, process_id)
    except (RuntimeError, ValueError, OSError) as error:
        raise ConfigError(
            "distribution: the processes could not be joined; give distribution.coordinator, "
            "processes and process_id, or start them with Slurm, Open MPI or `mtc-keras launch`",
            [str(error)],
        ) from None


def count() -> int:
    """Returns the number of processes that train together."""
    if keras.backend.backend() != "jax":
        return 1
    import jax

    # Asked first, because counting the processes initialises the devices.
    return jax.process_count() if jax.distributed.is_initialized() else 1


def process_id() -> int:
    """Returns the number of this process; only process 0 writes a run."""
    if count() == 1:
        return 0
    import jax

    return jax.process_index()


def of_first_process(value: float) -> float:
    """Returns the value that process 0 has, on all processes."""
    if count() == 1:
        return value
    from jax.experimental import multihost_utils

    return float(multihost_utils.broadcast_one_to_all(np.float32(value)))


def wait_for_all(reason: str) -> None:
    """Waits until all processes have reached the same place."""
    if count() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(reason)


def leave(code: int) -> None:
    """Ends one of several processes after an error, so that the others do not wait for it.

    If all of them failed alike, they part in order. If not, this one leaves after
    `SECONDS_TO_PART`, and what the others try to compute together fails.
    """
    if count() == 1:
        return
    import jax

    parting = threading.Thread(target=jax.distributed.shutdown, daemon=True)
    parting.start()
    parting.join(SECONDS_TO_PART)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
