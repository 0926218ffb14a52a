"""What JAX and Keras are set to, as far as a traced program depends on it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import keras


class Settings:
    """The settings that each thread has of its own, as they are where the object is made."""

    OF_JAX = (
        "default_matmul_precision",
        "enable_x64",
        "numpy_dtype_promotion",
        "numpy_rank_promotion",
        "threefry_partitionable",
    )

    def __init__(self) -> None:
        import jax

        self.of_jax = {name: getattr(jax.config, f"jax_{name}") for name in self.OF_JAX}
        self.policy = keras.config.dtype_policy()
        self.flash_attention = keras.config.is_flash_attention_enabled()

    @contextmanager
    def entered(self) -> Iterator[None]:
        """While it is entered, a thread that was begun for it has these settings."""
        import jax

        keras.config.set_dtype_policy(self.policy)
        if self.flash_attention is not None:
            change = keras.config.enable_flash_attention
            (change if self.flash_attention else keras.config.disable_flash_attention)()
        with ExitStack() as stack:
            for name, value in self.of_jax.items():
                stack.enter_context(getattr(jax, name)(value))
            yield
