"""Whether this is one of several processes of one training, asked before anything is imported."""

import os
import sys
from types import ModuleType

from mtc_keras.config import DistributionConfig
from mtc_keras.errors import ConfigError

# Environment variables by which a launcher says how many processes of this program it started.
# A Kubernetes pod has no such variable; there JAX asks the cluster, if the config says so.
LAUNCHERS = ("KERAS_DISTRIBUTION_NUM_PROCESSES", "SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE")


def joins_others(settings: DistributionConfig) -> bool:
    """Whether a training by these settings is one of several processes."""
    if settings.processes == 1:
        return False
    launched = any(_count(name) > 1 for name in LAUNCHERS)
    return launched or settings.processes != "auto" or settings.coordinator is not None


def _count(name: str) -> int:
    """Returns the number of processes that an environment variable says, 1 where it is not set.

    Raises:
        ConfigError: if it says something else.
    """
    value = os.environ.get(name) or "1"
    if not value.isascii() or not value.isdigit():
        raise ConfigError(
            f"the environment variable {name} must be a number of processes, received {value!r:.40}"
        )
    return int(value[:9])


def joined_processes() -> ModuleType | None:
    """Returns `devices.processes`; `None` where JAX is not loaded, so that nothing was joined."""
    if "jax" not in sys.modules:
        return None
    from mtc_keras.devices import processes

    return processes
