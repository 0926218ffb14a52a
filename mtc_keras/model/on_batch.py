"""Single steps of a `MultiTaskClassifier`: `train_on_batch` and its kin."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from mtc_keras.data.long_texts import AnyTokens
from mtc_keras.data.windows import Windows
from mtc_keras.model.arguments import checked, refuse_class_weight
from mtc_keras.model.balancing import check_backend
from mtc_keras.model.inputs import is_dataset
from mtc_keras.model.prediction import predict_logits, read_tokens_of
from mtc_keras.model.steps import MultiTaskSteps
from mtc_keras.model.window_training import drawn, new_seed


class StepsOnBatch(MultiTaskSteps):
    """Takes texts or tokens and targets by task, where KerasHub takes one array of targets."""

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Takes one step on one batch, and returns its metrics alone.

        Args:
            x: texts or tokens.
            y: targets of these rows, as for `fit`.
            sample_weight: as for `fit`.
            class_weight: not taken: a task has class weights of its own.
            return_dict: bool. Whether to return a dict by name, and not a list in the order of
                `metrics_names`.

        Raises:
            ValueError: for `class_weight`, and for what does not fit the tasks, as `fit` does.
        """
        refuse_class_weight(class_weight)
        check_backend(self.balancing)
        with self._weights_put_back():
            batch = self._one_batch(x, y, sample_weight, training=True)
            return keras.Model.train_on_batch(self, *batch, return_dict=return_dict)

    def test_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Returns the metrics of one batch; arguments as for `train_on_batch`."""
        with self._weights_put_back():
            batch = self._one_batch(x, y, sample_weight)
            return keras.Model.test_on_batch(self, *batch, return_dict=return_dict)

    def logits_on_batch(self, x: Any) -> dict[str, np.ndarray]:
        """Returns the logits of one batch of texts or tokens, by task."""
        if isinstance(tokens := self._tokens_of_batch(x), Windows):
            # In batches of windows: beside a long text, each of the others would be as long.
            return predict_logits(self, tokens, None)
        with self._weights_put_back():
            tokens, _, _ = self._one_batch(tokens)
            found: Mapping[str, np.ndarray] = keras.Model.predict_on_batch(self, tokens)
        return {task.name: found[task.name] for task in self.tasks}

    def _tokens_of_batch(self, x: Any) -> Any:
        """Returns what `predict` reads of one batch."""
        if is_dataset(x):
            raise ValueError(
                f"x must be one batch of texts or tokens. Received: {type(x).__name__}"
            )
        return read_tokens_of(self, x)

    def _one_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, training: bool = False
    ) -> tuple[Any, Any, Any]:
        """Returns a batch as arrays of the backend; in training with some windows of each text."""
        tokens = self._tokens_of_batch(x)
        if training and isinstance(tokens, Windows):
            inputs = drawn(self, tokens, np.arange(len(tokens)), (new_seed(),))
        else:
            inputs = tokens.inputs if isinstance(tokens, AnyTokens) else tokens
        if y is not None:
            inputs, y, sample_weight = checked(self, inputs, y, sample_weight)
        batch = self.preprocess_samples(inputs, y, sample_weight)
        parts = keras.utils.unpack_x_y_sample_weight(batch)
        return keras.tree.map_structure(
            lambda part: None if part is None else keras.ops.convert_to_tensor(part),
            parts,
            none_is_leaf=True,
        )
