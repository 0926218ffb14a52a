"""What JAX and Keras are set to, as far as a traced program depends on it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import keras

from mtc_keras.devices import process

# Of JAX's settings these say where and how much is kept or told, and not what is computed.
OF_NO_PROGRAM = ("cache", "log", "dump", "profil", "traceback", "debug_info", "coordination")


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

    def described(self) -> dict[str, Any]:
        """Returns these settings and those of the whole process, with versions and devices."""
        import jax

        shared: dict[str, Any] = jax.config.values
        return {
            "jax": {
                name: repr(value)
                for name, value in sorted(shared.items())
                if not any(word in name for word in OF_NO_PROGRAM)
            }
            | {name: repr(value) for name, value in self.of_jax.items()},
            "keras": {
                "policy": self.policy.name,
                "flash_attention": self.flash_attention,
                "floatx": keras.config.floatx(),
                "epsilon": keras.config.epsilon(),
            },
            "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
            "devices": [f"{d.platform} {d.device_kind}" for d in jax.devices()],
            "versions": process.versions(),
        }
