"""Functions that XLA compiles for each shape of their arguments, in the background if asked."""

import concurrent.futures
import functools
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from mtc_keras.devices import hardware
from mtc_keras.devices.background import Background
from mtc_keras.devices.settings import Settings

# Keras' layers hold state while they are traced, and are traced by one thread at a time.
TRACING = threading.RLock()


class Executable:
    """A function, compiled for each shape of its arguments.

    Args:
        function: a function of trees of arrays, as `jax.jit` takes it.
        name: str. What XLA's messages and profiles call it.
        donate: numbers of the arguments whose memory the outputs may take.
        on_one_core: bool. Whether XLA is asked to compute it on one core of a CPU, so that several
            calls can be computed at once without waiting for each other. That of jaxlib 0.10
            uses all of them nevertheless.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        *,
        donate: tuple[int, ...] = (),
        on_one_core: bool = False,
    ) -> None:
        import jax

        def traced(*args: Any) -> Any:
            with TRACING:
                return function(*args)

        traced.__name__ = traced.__qualname__ = name
        options = {"xla_cpu_multi_thread_eigen": False} if on_one_core else None
        self.name = name
        self._compiled = jax.jit(traced, donate_argnums=donate, compiler_options=options)
        self._preparing: dict[Any, Future[None]] = {}

    def __call__(self, *args: Any) -> Any:
        """Returns what the function returns; waits where its shapes are being prepared."""
        if self._preparing:
            self._wait(_key(_likenesses(args)))
        return self._compiled(*args)

    def append_to(self, results: deque[Any], *args: Any) -> None:
        """Appends what a call returns, in one call in C.

        An interruption is heeded before or after it, and never loses what the call returns, of
        which nothing else is left where it has taken over the memory of its arguments.
        """
        if self._preparing:
            self._wait(_key(_likenesses(args)))
        results.extend(map(self._compiled, *((value,) for value in args)))

    def prepare(self, *args: Any) -> "Future[None]":
        """Compiles the function in the background, for arguments of these shapes.

        Args:
            *args: as in a call: arrays, or `jax.ShapeDtypeStruct` in their place. Of arrays only
                the shapes are looked at.

        Returns:
            What tells when it is compiled. An error is raised by the call that needs these shapes.
        """
        likenesses = _likenesses(args)
        key = _key(likenesses)
        begun = self._preparing.get(key)
        if begun is not None and not begun.cancelled():
            return begun
        settings = Settings()

        def compile_them() -> None:
            with settings.entered():
                self._compiled.lower(*likenesses).compile()

        future = _background().submit(compile_them)
        self._preparing[key] = future
        return future

    def cancel(self) -> None:
        """Leaves out what is to be prepared and has not begun."""
        for future in self._preparing.values():
            future.cancel()

    def await_prepared(self, seconds: float) -> bool:
        """Waits until all is prepared, at most for some seconds, and leaves out what is not begun.

        Nothing else may call or prepare it meanwhile.

        Raises:
            Exception: if the function raised one.

        Returns:
            Whether nothing was left out.
        """
        futures = list(self._preparing.values())
        concurrent.futures.wait(futures, timeout=max(seconds, 0))
        self.cancel()
        done = [future for future in futures if not future.cancelled()]
        for future in done:
            future.result()
        self._preparing.clear()  # calls need not ask any more
        return len(done) == len(futures)

    def _wait(self, key: Any) -> None:
        """Waits for the compilation that has begun; one that waits its turn is compiled here."""
        future = self._preparing.get(key)
        if future is not None and not future.cancel():
            future.result()
        self._preparing.pop(key, None)


@functools.cache
def _background() -> Background:
    return Background(max(hardware.cores(), 1), "compile")


def _likenesses(args: Any) -> Any:
    """Returns the shapes and dtypes of arrays, which decide which program fits them."""
    import jax

    return jax.tree.map(_likeness, args)


def _likeness(value: Any) -> Any:
    import jax

    shaped: Any = jax.ShapeDtypeStruct
    kind = value if isinstance(value, shaped) else jax.typeof(value)
    # Where an array lies counts if it was put there on purpose.
    placed = getattr(value, "sharding", None) if getattr(value, "committed", True) else None
    return shaped(kind.shape, kind.dtype, sharding=placed, weak_type=kind.weak_type)


def _key(likenesses: Any) -> Any:
    import jax

    leaves, tree = jax.tree.flatten(likenesses)
    return tuple(leaves), tree
