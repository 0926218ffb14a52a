"""From rows to logits, in two ways.

Texts and `Tokens` are read in batches of similar length, which one CPU computes by itself and
anything else as `keras.Model.predict` does. Whatever else Keras takes goes to Keras as it is.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from mtc_keras.data.batches import PredictionBatches
from mtc_keras.data.tokens import Tokens, tokenize
from mtc_keras.devices import hardware
from mtc_keras.devices.distribution import share
from mtc_keras.devices.forward import Forward
from mtc_keras.devices.shares import fill_up
from mtc_keras.model.steps import MultiTaskSteps

MOST_ROWS = 32  # per batch, as in Keras
Logits = dict[str, np.ndarray]


def predict_logits(model: MultiTaskSteps, x: Any, batch_size: int | None, **kwargs: Any) -> Logits:
    """Returns the outputs of a model's heads.

    Args:
        model: the model.
        x: texts, text pairs, `Tokens`, or whatever `keras.Model.predict` takes.
        batch_size: int. Most rows per batch; 32 by default.
        **kwargs: as for `keras.Model.predict`.
    """
    tokens = x if isinstance(x, Tokens) else tokens_of(model.preprocessor, x)
    if tokens is None:
        outputs = _predict_as_keras(model, x, batch_size, **kwargs)
    elif len(tokens) == 0:
        shapes = model.compute_output_shape({k: v.shape for k, v in tokens.inputs.items()})
        outputs = {name: np.zeros(shape, "float32") for name, shape in shapes.items()}
    else:
        batches = prediction_batches(tokens, batch_size)
        joined = _predict_batches(model, batches, **kwargs)
        outputs = {name: batches.restore(output) for name, output in joined.items()}
    return {task.name: outputs[task.name] for task in model.tasks}


def tokens_of(preprocessor: keras.layers.Layer | None, x: Any) -> Tokens | None:
    """Tokenizes texts; returns `None` if `x` is something else, such as a dataset.

    Args:
        preprocessor: a `keras_hub.models.TextClassifierPreprocessor`, if there is one.
        x: a list, array or series of texts, or a tuple of two for text pairs.

    Raises:
        ValueError: if `x` is one text, holds something else than texts, or two lists of
            different lengths.
    """
    columns = x if isinstance(x, tuple) else (x,)
    if any(isinstance(column, str) for column in columns):
        raise ValueError("x must be a list of texts. Received: the text itself")
    columns = tuple(c.tolist() if hasattr(c, "tolist") else c for c in columns)
    if preprocessor is None or not all(isinstance(column, list) for column in columns):
        return None
    for column in columns:
        for row, text in enumerate(column):
            if not isinstance(text, str):
                raise ValueError(
                    f"x must hold texts only. Received: {type(text).__name__} in row {row}"
                )
    if len({len(column) for column in columns}) != 1:
        raise ValueError(
            f"Text pairs need two lists of one length. Received: {[len(c) for c in columns]}"
        )
    return tokenize(preprocessor, columns)


def prediction_batches(tokens: Tokens, batch_size: int | None = None) -> PredictionBatches:
    """Returns the batches in which tokens are read.

    Where there are enough of them for every core, they are made for one core each.

    Args:
        tokens: the `Tokens` of N rows.
        batch_size: int. Most rows per batch; 32 by default.
    """
    cores = hardware.cores()
    most_rows = batch_size or MOST_ROWS
    if cores > 1:
        batches = PredictionBatches(tokens, most_rows, share(), Forward.MOST_TOKENS)
        if len(batches) >= 2 * cores:
            return batches
    return PredictionBatches(tokens, most_rows, share())


class CompiledForward:
    """A model's forward pass on one CPU, compiled again whenever Keras recompiles its own."""

    def __init__(self) -> None:
        self._made_with: Callable[..., Any] | None = None
        self._forward: Forward | None = None

    def of(self, model: MultiTaskSteps) -> Forward:
        """Returns the forward pass, a function of the variables' values and a batch."""
        model.make_predict_function()  # does nothing if there is one
        if self._forward is None or self._made_with is not model.predict_function:
            self._made_with = model.predict_function
            self._forward = Forward(lambda state, x: model.predict_step(state, x)[0])
        return self._forward


def _predict_batches(
    model: MultiTaskSteps, batches: PredictionBatches, verbose: Any = 0, **kwargs: Any
) -> Logits:
    """Predicts as Keras does; on one CPU without its pipeline, and several batches at once."""
    cores = hardware.cores()
    # A step of a subclass, which may change the state, and callbacks are left to Keras.
    own_step = type(model).predict_step is not MultiTaskSteps.predict_step
    if kwargs or own_step or not cores or model.run_eagerly or not model.jit_compile:
        return model.predict_as_keras(batches.dataset(), verbose=verbose, **kwargs)
    forward = model.compiled_forward.of(model)
    model.jax_state_sync()  # a callback of `fit` may ask: the values are with its step then
    state = tuple(
        [variable.value for variable in variables]
        for variables in (model.trainable_variables, model.non_trainable_variables)
    )
    if batches.most_tokens is None:
        passing = forward.one_by_one(state, batches)
    else:
        passing = forward.at_once(state, batches, cores)
    bar = keras.utils.Progbar(len(batches), verbose=1 if verbose == "auto" else verbose)
    parts = []
    with contextlib.closing(passing):
        for outputs in passing:
            parts.append(outputs)
            bar.update(len(parts))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _predict_as_keras(
    model: MultiTaskSteps, x: Any, batch_size: int | None, **kwargs: Any
) -> Logits:
    """Predicts as Keras does; token dicts of arrays in batches that the devices divide."""
    devices = share().divisor
    if devices == 1 or not isinstance(x, dict):
        return model.predict_as_keras(x, batch_size=batch_size, **kwargs)
    count = len(next(iter(x.values())))
    filled = {name: fill_up(np.asarray(values), devices) for name, values in x.items()}
    size = batch_size or MOST_ROWS
    size += share().rows_to_fill(size)
    outputs = model.predict_as_keras(filled, batch_size=size, **kwargs)
    return {name: output[:count] for name, output in outputs.items()}
