"""Seeds, devices, compilation cache and versions of a process.

The only module that knows which backend computes; TensorFlow always feeds the data.
"""

import contextlib
import importlib.metadata
import math
import os
import platform
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mtc_keras.errors import ConfigError

Outputs = Generator[dict[str, np.ndarray], None, None]

SECONDS_TO_PART = 10.0
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
        # It need not be installed; or the user has used it before.
        with contextlib.suppress(ImportError, RuntimeError):
            import tensorflow as tf

            tf.config.set_visible_devices([], "GPU")


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Computes float32 products in float32, where a GPU would round their factors."""
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    with jax.default_matmul_precision("highest"):
        yield


def dtype_policy(precision: str) -> str:
    """Returns the dtype policy of a backbone: `"float32"` or `"mixed_bfloat16"`.

    Args:
        precision: `"float32"`, `"bfloat16"`, or `"auto"`, bfloat16 where the device is made
            for it and computes it faster; a CPU is not.
    """
    if precision == "auto":
        precision = "bfloat16" if _accelerated() else "float32"
    return "mixed_bfloat16" if precision == "bfloat16" else "float32"


def _accelerated() -> bool:
    """Whether the model runs on a GPU or TPU."""
    if keras.backend.backend() != "jax":
        return False
    import jax

    return jax.default_backend() != "cpu"


def prepare_training() -> None:
    """Chooses how random bits are drawn, once it is known what draws them."""
    if keras.backend.backend() != "jax":
        return
    import jax

    # Random bits that are the same however an array is spread over devices cost twice the time.
    settings: Any = jax.config
    settings.update("jax_threefry_partitionable", jax.device_count() > 1)


def rematerialised(function: Any, keep_dense: bool = True) -> Any:
    """Returns a function whose backward pass computes its intermediate values anew.

    Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost" (arXiv 1604.06174).

    Args:
        function: a function of arrays.
        keep_dense: bool. Whether to keep the results of matrix products but those of
            attention, which are the costly ones to compute.
    """
    import jax

    policies = jax.checkpoint_policies
    policy = policies.dots_with_no_batch_dims_saveable if keep_dense else None
    return jax.checkpoint(function, policy=policy)


def scan_parts(function: Any, state: Any, inputs: Any, parts: int) -> tuple[Any, Any]:
    """Applies a function to the parts of a batch, one after the other.

    Args:
        function: from `(state, inputs of a part)` to `(new state, outputs of the part)`.
        state: arrays handed from part to part.
        inputs: arrays of shape `(B, …)`, `B` a multiple of `parts`.
        parts: int. Row `r` belongs to part `r % parts`, so that the rows of a batch that is
            spread over devices stay where they are.

    Returns:
        The last state, and the outputs of all parts, of shape `(B, …)`, in the order of rows;
        of scalars the mean.
    """
    import jax

    def split(array: Any) -> Any:
        return array.reshape(-1, parts, *array.shape[1:]).swapaxes(0, 1)

    def joined(array: Any) -> Any:
        if array.ndim == 1:  # a scalar of each part, such as a loss
            return array.mean()
        return array.swapaxes(0, 1).reshape(-1, *array.shape[2:])

    state, outputs = jax.lax.scan(function, state, jax.tree.map(split, inputs))
    return state, jax.tree.map(joined, outputs)


def cores() -> int:
    """Returns the cores of the one CPU that does all the computing; 0 if something else does."""
    if keras.backend.backend() != "jax" or keras.distribution.distribution() is not None:
        return 0
    if _accelerated() or processes() > 1:
        return 0
    import joblib  # knows the limits of containers, too

    return int(joblib.cpu_count())


class Forward:
    """A forward pass that computes one batch on all cores of a CPU, or one on each core.

    XLA divides every operation among the cores, which wait for each other hundreds of times a
    batch. Where there are batches enough, each core rather computes batches of its own.

    Args:
        step: function from `(state, inputs of a batch)` to a dict of outputs.
    """

    # Padded tokens a batch of one core: with more, what lies between two products outgrows the
    # caches; with fewer, products are slower.
    MOST_TOKENS = 1024

    def __init__(self, step: Callable[[Any, Any], dict[str, Any]]) -> None:
        import jax

        self._on_all_cores = jax.jit(step)
        self._on_one_core = jax.jit(step, compiler_options={"xla_cpu_multi_thread_eigen": False})

    def one_by_one(self, state: Any, batches: Iterable[Any]) -> Outputs:
        """Yields the outputs of the batches, each computed on all cores."""
        for inputs in batches:
            yield self._outputs(self._on_all_cores, state, inputs)

    def at_once(self, state: Any, batches: Iterable[Any], cores: int) -> Outputs:
        """Yields the outputs of the batches in their order, so many computed at once."""
        pool = ThreadPoolExecutor(cores, thread_name_prefix="forward")
        begun: deque[Future[dict[str, np.ndarray]]] = deque()
        try:
            for inputs in batches:
                begun.append(pool.submit(self._outputs, self._on_one_core, state, inputs))
                if len(begun) > 2 * cores:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:  # waits, as a process must not end while XLA computes
            pool.shutdown(cancel_futures=True)

    @staticmethod
    def _outputs(function: Any, state: Any, inputs: Any) -> dict[str, np.ndarray]:
        return {name: np.asarray(output) for name, output in function(state, inputs).items()}


def cache_directory() -> Path:
    """Returns the user's cache directory of this package."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "mtc_keras"


def device() -> str:
    """Returns what the model runs on, such as `cpu × 8 (2 processes)`."""
    if keras.backend.backend() != "jax":
        return keras.backend.backend()
    import jax

    kind, (copies, parts) = jax.devices()[0].device_kind, mesh_shape()
    notes = [f"each copy of the model over {parts} devices"] if parts > 1 else []
    notes += [f"{processes()} processes"] if processes() > 1 else []
    shown = f"{kind} × {copies * parts}"
    return f"{shown} ({', '.join(notes)})" if notes else shown


def mesh_shape() -> tuple[int, int]:
    """Returns how many copies of the model share a batch, and on how many devices each lies."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return 1, 1
    copies, *parts = distribution.device_mesh.shape
    return int(copies), math.prod(parts)


def initialize(coordinator: str | None, processes: int | None, process_id: int | None) -> None:
    """Joins the processes of one training; before any device is looked at, and once.

    Args:
        coordinator: `host:port` of process 0.
        processes: int. Number of processes.
        process_id: int. Number of this one. What is `None` JAX asks the environment for.

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
            "processes and process_id, or start them with Slurm, Open MPI or scripts/launch_local",
            [str(error)],
        ) from None


def processes() -> int:
    """Returns the number of processes that train together."""
    if keras.backend.backend() != "jax":
        return 1
    import jax

    # Asked first, as counting the processes looks at the devices.
    return jax.process_count() if jax.distributed.is_initialized() else 1


def process_id() -> int:
    """Returns the number of this process; only process 0 writes a run."""
    if processes() == 1:
        return 0
    import jax

    return jax.process_index()


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


def of_first_process(value: float) -> float:
    """Returns the value that process 0 has, on all processes."""
    if processes() == 1:
        return value
    from jax.experimental import multihost_utils

    return float(multihost_utils.broadcast_one_to_all(np.float32(value)))


def wait_for_all(reason: str) -> None:
    """Returns when all processes have come to the same place."""
    if processes() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(reason)


def leave(code: int) -> None:
    """Ends one of several processes after an error, so that the others do not wait for it.

    Where all of them failed alike they part in order. Else this one goes after
    `SECONDS_TO_PART`, and what the others try to compute together fails.
    """
    if processes() == 1:
        return
    import jax

    parting = threading.Thread(target=jax.distributed.shutdown, daemon=True)
    parting.start()
    parting.join(SECONDS_TO_PART)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that decide a run's numbers."""
    found = {"python": platform.python_version(), "keras_backend": keras.backend.backend()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
