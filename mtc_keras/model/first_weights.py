"""First weights, drawn only where no others take their place.

A layer draws its weights when it is built. Of a model that is read from files, all of them are
overwritten at once, and each shape that was drawn has cost a program that XLA compiled.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import keras

_one_thread = threading.RLock()


@contextmanager
def drawn_if_missing() -> Iterator[None]:
    """While it is entered, this thread's variables wait for a value.

    Those that have none at its end draw it then. Each draws what it would have drawn at once: an
    initializer has a seed of its own.
    """
    if keras.backend.backend() != "jax" or keras.distribution.distribution() is not None:
        yield
        return
    waiting: list[keras.Variable] = []
    thread, kind = threading.get_ident(), keras.Variable
    draw = kind._initialize_with_initializer

    def wait(variable: keras.Variable, initializer: object) -> None:
        # Of others, such as the states of random numbers, a value may be read before the end.
        if threading.get_ident() != thread or not isinstance(
            initializer, keras.initializers.Initializer
        ):
            draw(variable, initializer)
            return
        variable._initializer, variable._value = initializer, None
        waiting.append(variable)

    with _one_thread:
        kind._initialize_with_initializer = wait
        try:
            yield
        finally:
            kind._initialize_with_initializer = draw
            for variable in waiting:
                if variable._value is None:
                    variable._deferred_initialize()
