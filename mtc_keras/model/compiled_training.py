"""The training step as a program that is compiled before it is needed."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import keras

from mtc_keras.devices.executables import Executable
from mtc_keras.model.kept_weights import KeptWeights


class CompiledTraining(KeptWeights):
    """A model whose training step may be compiled in the background.

    Attributes:
        train_executable: the compiled step; `None` before `fit`, and where Keras makes its own:
            for several devices, without JAX, or if `compile` was asked not to compile.
    """

    train_executable: Any = None
    train_function: Any

    def make_train_function(self, force: bool = False) -> None:
        if self.train_function is not None and not force:
            return
        self.train_executable = None
        if (
            keras.backend.backend() != "jax"
            or keras.config.is_nnx_enabled()
            or keras.distribution.distribution() is not None
            or self.run_eagerly
            or not self.jit_compile
        ):
            super().make_train_function(force)
            return
        self.train_executable = self.compiled_step()
        self.train_function = self._make_function(self.train_executable)

    def compiled_step(self) -> Any:
        """Returns what takes compiled steps, and compiles them beforehand: an `Executable`."""
        return Executable(self.train_step, "train_step", donate=(0,))

    def prepare_training(self, batches: Iterable[Any]) -> None:
        """Compiles the training step in the background, while `fit` runs.

        Args:
            batches: one `(x, y, sample_weight)` of tokens of each shape, in the order in which
                they are to be compiled.
        """
        if self.train_executable is None:
            return
        groups = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
        state = tuple([variable.value for variable in group] for group in groups)
        for batch in batches:
            self.train_executable.prepare(state, self.preprocess_samples(*batch))

    @contextlib.contextmanager
    def _no_more_prepared(self) -> Iterator[None]:
        """Leaves out at the end what was to be compiled and has not begun."""
        try:
            yield
        finally:
            if self.train_executable is not None:
                self.train_executable.cancel()
