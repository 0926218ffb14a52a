"""The forward pass of prediction, compiled for all cores of a CPU together or for one."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np

from mtc_keras.devices.executables import Executable

Outputs: TypeAlias = Generator[dict[str, np.ndarray], None, None]
# The values of a model's trainable and of its other variables.
State: TypeAlias = tuple[list[Any], list[Any]]
Inputs: TypeAlias = Mapping[str, np.ndarray]
Step: TypeAlias = Callable[[Any, Any], dict[str, Any]]


class Forward:
    """A forward pass that computes one batch on all cores of a CPU, or one batch per core.

    XLA divides every operation among the cores, which wait for each other hundreds of times
    per batch. Where there are enough batches, each core computes batches of its own instead.

    Args:
        step: function from `(state, inputs of a batch)` to a dict of outputs.
    """

    # Padded tokens per batch on one core. With more, the activations between two matrix products
    # no longer fit into the caches; with fewer, the products are slower.
    MOST_TOKENS = 1024

    def __init__(self, step: Step) -> None:
        def executable(on_one_core: bool) -> Executable:
            return Executable(step, "predict_step", on_one_core=on_one_core)

        self._on_all_cores, self._on_one_core = executable(False), executable(True)

    def prepare(self, state: State, inputs: Inputs, *, on_one_core: bool) -> None:
        """Begins to compile in the background what inputs of such shapes need.

        Args:
            state: as for the other methods; of its values and of the inputs only shapes count.
            inputs: those of a batch.
            on_one_core: bool. Whether it will be computed on one core.
        """
        (self._on_one_core if on_one_core else self._on_all_cores).prepare(state, inputs)

    def await_prepared(self, seconds: float) -> bool:
        """Waits until all is compiled, at most for some seconds; returns whether it is."""
        end = time.monotonic() + seconds
        try:
            is_done = self._on_all_cores.await_prepared(seconds)
            return self._on_one_core.await_prepared(end - time.monotonic()) and is_done
        finally:
            self._on_one_core.cancel()  # where the other one fails

    def one_by_one(self, state: State, batches: Iterable[Inputs]) -> Outputs:
        """Yields the outputs of the batches, each computed on all cores."""
        for inputs in batches:
            yield self._outputs(self._on_all_cores, state, inputs)

    def at_once(self, state: State, batches: Iterable[Inputs], cores: int) -> Outputs:
        """Yields the outputs of the batches in order; `cores` of them are computed at once."""
        pool = ThreadPoolExecutor(cores, thread_name_prefix="forward")
        begun: deque[Future[dict[str, np.ndarray]]] = deque()
        try:
            for inputs in batches:
                begun.append(pool.submit(self._outputs, self._on_one_core, state, inputs))
                if len(begun) > 2 * cores:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:  # waits, because a process must not end while XLA computes
            pool.shutdown(cancel_futures=True)

    @staticmethod
    def _outputs(function: Step, state: State, inputs: Inputs) -> dict[str, np.ndarray]:
        return {name: np.asarray(output) for name, output in function(state, inputs).items()}
