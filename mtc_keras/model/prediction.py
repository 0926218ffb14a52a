"""From rows to logits, in two ways.

Texts and `Tokens` are read in batches of similar length, which one CPU computes by itself and
anything else as `keras.Model.predict` does. Dicts of tokens and datasets go to Keras.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from mtc_keras.data.batches import PredictionBatches
from mtc_keras.data.long_texts import AnyTokens
from mtc_keras.data.tokens import Tokens
from mtc_keras.data.windows import Windows
from mtc_keras.devices import hardware
from mtc_keras.devices.distribution import share
from mtc_keras.devices.forward import Forward, State
from mtc_keras.devices.shares import fill_up
from mtc_keras.model.arguments import MOST_ROWS, batches_of, read_rows, refuse_cut_texts
from mtc_keras.model.datasets import check_dataset
from mtc_keras.model.inputs import is_dataset, read_texts
from mtc_keras.model.long_texts import pooled, tokens_of
from mtc_keras.model.steps import MultiTaskSteps

Logits = dict[str, np.ndarray]
FEW_ROWS = 8  # per batch, where more would leave cores without one


def predict_logits(model: MultiTaskSteps, x: Any, batch_size: int | None, **kwargs: Any) -> Logits:
    """Returns the outputs of a model's heads.

    Args:
        model: the model.
        x: texts, text pairs, `Tokens`, `Windows`, a dict of tokens, or a dataset of batches.
        batch_size: int. Most rows per batch; 32 by default.
        **kwargs: as for `keras.Model.predict`; with `steps`, only the first `steps` batches of
            rows are predicted.
    """
    tokens = read_tokens_of(model, x)
    if isinstance(tokens, AnyTokens) and (steps := kwargs.pop("steps", None)) is not None:
        # In the order of the rows, as Keras counts them, and not of their lengths.
        tokens = tokens.select(np.arange(min(steps * (batch_size or MOST_ROWS), len(tokens))))
    if isinstance(tokens, Windows):
        of_windows = _predict_tokens(model, tokens.tokens, batch_size, **kwargs)
        outputs = pooled(model.window_poolings, tokens, of_windows)
    elif isinstance(tokens, Tokens):
        outputs = _predict_tokens(model, tokens, batch_size, **kwargs)
    else:
        outputs = _predict_as_keras(model, tokens, batch_size, **kwargs)
    return {task.name: outputs[task.name] for task in model.tasks}


def _predict_tokens(
    model: MultiTaskSteps, tokens: Tokens, batch_size: int | None, **kwargs: Any
) -> Logits:
    """Returns the outputs of each text, or window, in the order of the rows."""
    if len(tokens) == 0:
        shapes = model.compute_output_shape({k: v.shape for k, v in tokens.inputs.items()})
        return {name: np.zeros(shape, "float32") for name, shape in shapes.items()}
    batches = model.compiled_forward.make_batches(tokens, batch_size)
    joined = predict_batches(model, batches, **kwargs)
    return {name: batches.restore(output) for name, output in joined.items()}


def read_tokens_of(model: MultiTaskSteps, x: Any) -> Any:
    """Returns texts as `Tokens` or `Windows`, a dict of tokens as arrays, a dataset as it is."""
    if isinstance(x, AnyTokens):
        return x
    if isinstance(x, keras.utils.PyDataset):
        x = batches_of(model, x)
    if is_dataset(x):
        check_dataset(model.tasks, {}, x, has_targets=False)
        refuse_cut_texts(model.long_texts, x)
        return x
    if model.preprocessor is None or isinstance(x, Mapping):
        return read_rows(model, x)
    return tokens_of(model, read_texts(x))


def prediction_batches(tokens: Tokens, batch_size: int | None = None) -> PredictionBatches:
    """Returns the batches in which tokens are read.

    Where every core has one, they are made for one core each, so that splits of any number of rows
    are computed by the same programs. If need be, batches have fewer rows; if that is not enough,
    one after the other is computed on all cores.

    Args:
        tokens: the `Tokens` of N rows.
        batch_size: int. Most rows per batch; 32 by default.
    """
    cores = hardware.cores()
    most_rows = batch_size or MOST_ROWS
    if cores > 1:
        for rows in (most_rows, min(most_rows, FEW_ROWS)):
            batches = PredictionBatches(tokens, rows, share(), Forward.MOST_TOKENS)
            if len(batches) >= cores:
                return batches
    return PredictionBatches(tokens, most_rows, share())


class CompiledForward:
    """A model's forward pass on one CPU, compiled again whenever Keras recompiles its own.

    Attributes:
        make_batches: returns the batches in which `Tokens` are read, here or by Keras, of so many
            rows at most; `prediction_batches`, or those of `model.lasting`.
    """

    def __init__(self) -> None:
        self.make_batches: Callable[[Tokens, int | None], PredictionBatches] = prediction_batches
        self._made_with: Callable[..., Any] | None = None
        self._forward: Forward | None = None

    def of(self, model: MultiTaskSteps) -> Forward:
        """Returns the forward pass, a function of the variables' values and a batch."""
        model.make_predict_function()  # does nothing if there is one
        if self._forward is None or self._made_with is not model.predict_function:
            self._made_with = model.predict_function
            self._forward = Forward(lambda state, x: model.predict_step(state, x)[0])
        return self._forward


def state_of(model: MultiTaskSteps) -> State:
    """Returns the values of a model's trainable and of its other variables."""
    model.jax_state_sync()  # a callback of `fit` may ask: the values are with its step then
    model.check_weights()
    trainable, others = (
        [variable.value for variable in variables]
        for variables in (model.trainable_variables, model.non_trainable_variables)
    )
    return trainable, others


def forward_of(model: MultiTaskSteps) -> Forward | None:
    """Returns the forward pass by which one CPU predicts, or `None` where Keras does."""
    # A step of a subclass, which may change the state, is left to Keras.
    own_step = type(model).predict_step is not MultiTaskSteps.predict_step
    if own_step or not hardware.cores() or model.run_eagerly or not model.jit_compile:
        return None
    return model.compiled_forward.of(model)


def predict_batches(
    model: MultiTaskSteps, batches: PredictionBatches, verbose: Any = 0, **kwargs: Any
) -> Logits:
    """Predicts as Keras does; on one CPU without its pipeline, and several batches at once.

    Returns:
        The outputs of all rows in the order of the batches, and of those that fill up the last.
    """
    forward = None if kwargs else forward_of(model)  # callbacks, too, are left to Keras
    if forward is None:
        return model.predict_as_keras(batches.dataset(), verbose=verbose, **kwargs)
    state = state_of(model)
    if batches.on_one_core:
        passing = forward.at_once(state, batches, hardware.cores())
    else:
        passing = forward.one_by_one(state, batches)
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
