"""Whatever fails while steps run, a model keeps its weights, or says that it has none.

On JAX, Keras takes the weights out of the variables while steps run and puts them back only at
the end; each step takes over the buffers of what it is handed.
"""

import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import keras_hub
from keras import KerasTensor

Variables = Sequence[KerasTensor]
# What Keras' steps hand in and out, in its order.
STATE = (
    "trainable_variables",
    "non_trainable_variables",
    "optimizer_variables",
    "metrics_variables",
)
LOST = (
    "A step that failed half-way has taken the model's weights with it, which it had been given "
    "to save memory. Load or build the model again; a saved model, run or checkpoint is untouched."
)


class KeptWeights(keras_hub.models.Task):
    """A model whose methods run steps under `_weights_put_back`."""

    steps_done: deque[tuple[Any, tuple[Variables, ...]]]  # the last one: what it returned
    _jax_state: dict[str, Variables] | None
    _jax_state_synced: bool

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_jax_state":
            # Keras would look for layers among its hundreds of arrays, after each step.
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    @contextlib.contextmanager
    def _weights_put_back(self) -> Iterator[None]:
        """Puts the weights back into the model if anything fails while steps run.

        On JAX, Keras takes the weights out of the variables while steps run and puts them back
        only at the end. After an error, such as a batch too large for the memory, the model
        would have none.

        Raises:
            RuntimeError: if the model has lost its weights before.
        """
        is_jax = keras.backend.backend() == "jax"
        if is_jax:
            self.jax_state_sync()  # a callback of `fit` may ask: the values are with its step then
            self._jax_state = None  # of a step that is over: weights may be set before the next
        self.check_weights()
        try:
            yield
        except BaseException as error:
            if is_jax:
                self._put_back()
            if not self._has_weights():
                self._jax_state = None
                error.add_note(LOST)
            raise
        finally:
            self.steps_done.clear()  # or it would hold on to weights that are replaced

    def _put_back(self) -> None:
        """Puts the state of the last step that has ended into the variables."""
        if self._is_whole(self._jax_state):
            self.jax_state_sync()
        if self.steps_done and not self._has_weights():
            state = self.steps_done[0][1]  # Keras has not heard of this step
            names = {4: STATE, 3: (*STATE[:2], STATE[3]), 2: STATE[:2]}[len(state)]
            self._jax_state = dict(zip(names, state, strict=True))
            if self._is_whole(self._jax_state):
                self._jax_state_synced = False
                self.jax_state_sync()

    def _make_function(self, step_function: Any, **options: Any) -> Any:
        """Makes what runs steps as Keras does, but keeps at once what a step returns.

        What appends to `steps_done` by itself does so; any other function is called.

        A step takes over the weights' buffers, and Ctrl-C, which Python heeds when the step is
        over, would come before Keras has taken what it returns: the model would have none. Only on
        JAX, where state is handed in and out.
        """
        if keras.backend.backend() != "jax":
            return super()._make_function(step_function, **options)

        def kept(state: Any, data: Any) -> Any:
            if hasattr(step_function, "append_to"):
                step_function.append_to(self.steps_done, state, data)
            else:
                # One call in C, from the step to the queue: nothing comes between.
                self.steps_done.extend(map(step_function, (state,), (data,)))
            return self.steps_done[0]

        return super()._make_function(kept, **options)

    @staticmethod
    def _is_whole(state: dict[str, Variables] | None) -> bool:
        """Whether there is a state, and no step that failed half-way has used it up."""
        return state is not None and not any(
            value.is_deleted() for values in state.values() for value in values or ()
        )

    def _has_weights(self) -> bool:
        """Whether every variable has a value: a step takes over the buffers of all of them."""
        values = [variable._value for variable in self.variables]
        return not any(
            value is None or (hasattr(value, "is_deleted") and value.is_deleted())
            for value in values
        )

    def check_weights(self) -> None:
        """Raises an error that says what to do if a step that failed half-way took the weights."""
        if not self._has_weights():
            raise RuntimeError(LOST)

    def _get_jax_state(self, purge_model_variables: bool = False, **groups: bool) -> Any:
        state = super()._get_jax_state(purge_model_variables=purge_model_variables, **groups)
        if purge_model_variables:
            # What is taken out of the variables is put back by a sync, if no step has ended yet.
            names = [name for name in STATE if groups.get(name)]
            self._jax_state = dict(zip(names, state, strict=True))
        return state
