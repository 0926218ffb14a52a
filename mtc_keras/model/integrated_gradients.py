"""Integrated gradients of a model's logits by the embeddings of tokens.

Shapes: U stretches of paths, P points of each, p of them at once, K windows per text, T tokens
(padded), R rows, D features.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import KerasTensor, ops

from mtc_keras.data.lengths import padded_length, prediction_lengths
from mtc_keras.data.windows import Windows
from mtc_keras.devices import hardware
from mtc_keras.devices.executables import Executable
from mtc_keras.devices.gradients import with_gradients
from mtc_keras.devices.rematerialisation import rematerialised, scan_parts
from mtc_keras.devices.shares import fill_up
from mtc_keras.model.long_texts import of_windows
from mtc_keras.model.path_integrals import POINTS, Measured, Stretch, nodes_and_weights

if TYPE_CHECKING:
    from mtc_keras.model.steps import MultiTaskSteps

TOKENS = "token_ids"
WORDS = "words"
# Padded tokens whose activations are in memory at once.
MOST_ON_CPU, MOST_ON_ACCELERATOR = 2048, 16_384


@dataclass(frozen=True, eq=False)
class Paths:
    """The paths from the baselines of N texts to the texts, one for each thing to explain.

    Args:
        windows: the `Windows` of the texts, one window each where they are not read in several.
        words: their `Windows` with one input, `words`: which word of its text each token is a
            part of, -1 for what stands in the baseline, too.
        texts: int of shape `(J,)`, the text of each path.
        tasks: int of shape `(J,)`, the number of the task.
        classes: int of shape `(J,)`, the class whose logit is explained, 0 where there is none.
        filler: int. The token that stands in the baseline for all others.
    """

    windows: Windows
    words: Windows
    texts: np.ndarray
    tasks: np.ndarray
    classes: np.ndarray
    filler: int

    @cached_property
    def sizes(self) -> list[tuple[int, int]]:
        """Windows and tokens of each path's text, as they are padded."""
        lengths = prediction_lengths(self.windows.max_length, batches=len(self.texts))
        first, last = self.windows.offsets[:-1], self.windows.offsets[1:]
        of_windows = self.windows.tokens.lengths
        return [
            (
                _at_least(int(last[text] - first[text])),
                padded_length(of_windows[first[text] : last[text]].max(), lengths),
            )
            for text in self.texts.tolist()
        ]

    def batch(self, stretches: Sequence[Stretch]) -> dict[str, Any]:
        """Returns stretches of one size as arrays, as `CompiledPaths` takes them."""
        paths = np.array([stretch.path for stretch in stretches])
        count, length = self.sizes[stretches[0].path]
        texts = self.texts[paths]
        places = np.arange(count)
        counts = self.windows.counts[texts][:, None]
        windows = np.where(places < counts, self.windows.offsets[texts][:, None] + places, -1)
        return {
            "inputs": self.windows.take(windows, length),  # (U, K, T)
            "words": self.words.take(windows, length)[WORDS],
            "start": np.array([stretch.start for stretch in stretches], "float32"),
            "end": np.array([stretch.end for stretch in stretches], "float32"),
            "task": self.tasks[paths].astype("int32"),
            "class": self.classes[paths].astype("int32"),
            "filler": np.int32(self.filler),
        }

    def batches(self, stretches: Sequence[Stretch], most_tokens: int) -> Iterator[list[int]]:
        """Yields places of stretches that are computed at once, all of one size.

        Either as many as there may be, or one, so that few shapes are compiled.
        """
        by_size: dict[tuple[int, int], list[int]] = {}
        for place, stretch in enumerate(stretches):
            by_size.setdefault(self.sizes[stretch.path], []).append(place)
        for (windows, length), places in by_size.items():
            most = _at_most(most_tokens // (POINTS * windows * length))
            while places:
                taken = most if 2 * len(places) > most else 1
                yield places[:taken]
                places = places[taken:]


class CompiledPaths:
    """What measures stretches of paths, compiled for the shapes of batches."""

    def __init__(self) -> None:
        self._executable: Executable | None = None

    def measuring(
        self, model: "MultiTaskSteps", paths: Paths, state: Any
    ) -> Callable[[Sequence[Stretch]], list[Measured]]:
        """Returns the function that measures stretches of some paths.

        Args:
            model: the model.
            paths: the `Paths`.
            state: the values of the model's trainable and of its other variables.
        """
        if self._executable is None:
            self._executable = Executable(_step_of(model), "integrated_gradients")
        executable = self._executable

        def measure(stretches: Sequence[Stretch]) -> list[Measured]:
            found: dict[int, Measured] = {}
            for places in paths.batches(stretches, most_tokens()):
                batch = paths.batch([stretches[place] for place in places])
                words = batch["words"]
                ends, by_token = map(np.asarray, executable(state, _filled(batch)))
                for at, place in enumerate(places):
                    of_word = words[at] >= 0
                    parts = np.bincount(words[at][of_word], by_token[at][of_word])
                    found[place] = Measured(float(ends[at, 0]), float(ends[at, 1]), parts)
            return [found[place] for place in range(len(stretches))]

        return measure


def most_tokens() -> int:
    """Returns how many padded tokens have their activations in memory at once."""
    return MOST_ON_ACCELERATOR if hardware.accelerated() else MOST_ON_CPU


def _parts(count: int, tokens: int) -> int:
    """Returns into how many equal parts so many rows are divided, each of so many tokens."""
    fits = (n for n in range(1, count) if count % n == 0 and count // n * tokens <= most_tokens())
    return next(fits, count)


def _at_most(number: int) -> int:
    """Returns the greatest power of two that is not greater, 1 at least."""
    return 1 << max(number.bit_length() - 1, 0)


def _at_least(number: int) -> int:
    """Returns the least power of two that is not less."""
    return 1 << (number - 1).bit_length()


def _step_of(model: "MultiTaskSteps") -> Callable[[Any, Any], tuple[Any, Any]]:
    """Returns what measures a batch of stretches, as JAX traces it."""
    nodes, weights = (values.astype("float32") for values in nodes_and_weights())

    def step(state: Any, batch: Mapping[str, Any]) -> tuple[Any, Any]:
        """Returns the values at both ends, `(U, 2)`, and the integral by token, `(U, K, T)`."""
        variables = [*model.trainable_variables, *model.non_trainable_variables]
        mapping = list(zip(variables, [*state[0], *state[1]], strict=True))
        table = model.backbone.token_embedding.embeddings
        embeddings = next(value for variable, value in mapping if variable is table)
        inputs, words = batch["inputs"], batch["words"]
        text = ops.take(embeddings, inputs[TOKENS], axis=0)  # (U, K, T, D)
        text = ops.cast(text, "float32")
        filler = ops.cast(embeddings[batch["filler"]], "float32")
        baseline = ops.where((words < 0)[..., None], text, filler)
        difference = text - baseline
        width = batch["end"] - batch["start"]  # (U,)
        alphas = batch["start"] + width * nodes[:, None]  # (P, U)

        def value(points: Any) -> tuple[Any, Any]:
            count = points.shape[0]

            def repeated(values: Any) -> Any:  # (U, …) -> (p · U, …)
                return ops.tile(values, (count,) + (1,) * (values.ndim - 1))

            rows = ops.reshape(points, (-1, *points.shape[3:]))  # (R, T, D), R = p · U · K
            logits = of_windows(
                lambda flat, **_: _logits(model, mapping, rows, flat),
                model.window_poolings,
                {name: repeated(values) for name, values in inputs.items()},
            )
            found = _explained(model, logits, repeated(batch["task"]), repeated(batch["class"]))
            return ops.sum(found), ops.reshape(found, (count, -1))

        def add(by_token: Any, part: Any) -> tuple[Any, Any]:
            """Adds some points to the integral; returns their values, too, `(p, U)`."""
            alphas, weights = part
            points = baseline + alphas[..., None, None, None] * difference  # (p, U, K, T, D)
            (_, values), gradients = with_gradients(value)(points)
            found = ops.einsum("puktd,uktd,p->ukt", gradients, difference, weights)
            return by_token + found, values

        zeros, parts = ops.zeros(words.shape, "float32"), _parts(POINTS, words.size)
        if parts == 1:
            by_token, values = add(zeros, (alphas, weights))
        else:
            by_token, values = scan_parts(add, zeros, (alphas, weights), parts)
        return ops.transpose(values[:: POINTS - 1]), by_token * width[:, None, None]

    return step


def _logits(
    model: "MultiTaskSteps", mapping: Sequence[Any], embeddings: Any, inputs: Mapping[str, Any]
) -> Any:
    """Returns the logits of windows whose tokens have other embeddings than the model's.

    No layer is told of it, whatever the backbone: for each token of the batch the table of
    embeddings has a row of its own. Where the windows of a text are many, they are computed part
    by part, and again for the gradient, so that the activations of one part are in memory.

    Args:
        model: the model.
        mapping: its variables and their values.
        embeddings: float32 of shape `(R, T, D)`.
        inputs: dict of tokens of shape `(R, T)`.
    """
    table = model.backbone.token_embedding.embeddings

    def of_part(state: Any, part: Any) -> tuple[Any, Any]:
        embeddings, inputs = part
        rows, length, features = embeddings.shape
        ids = ops.reshape(ops.arange(rows * length), (rows, length))
        with keras.StatelessScope(state_mapping=mapping) as scope, _in_float32(model):
            scope.add_update((table, ops.reshape(embeddings, (-1, features))))
            logits = model({**inputs, TOKENS: ids}, training=False)
        return state, {name: ops.cast(values, "float32") for name, values in logits.items()}

    rows, length, _ = embeddings.shape
    parts = _parts(rows, length)
    if parts == 1:
        return of_part(None, (embeddings, inputs))[1]
    function = rematerialised(of_part, keep_dense=False)
    return scan_parts(function, None, (embeddings, dict(inputs)), parts)[1]


def _explained(
    model: "MultiTaskSteps", logits: Mapping[str, Any], task: Any, index: Any
) -> KerasTensor:
    """Returns of each row what is explained: of its own task, of shape `(R,)`."""
    found = ops.zeros(task.shape, "float32")
    for number, own in enumerate(model.tasks):
        found = ops.where(task == number, own.explained(logits[own.name], index), found)
    return found


@contextlib.contextmanager
def _in_float32(model: "MultiTaskSteps") -> Iterator[None]:
    """Has all layers compute in float32 while they are traced: sums of bfloat16 are too rough."""
    policies = [(layer, layer.dtype_policy) for layer in model._flatten_layers()]
    policies = [(layer, policy) for layer, policy in policies if policy.compute_dtype != "float32"]
    try:
        for layer, _ in policies:
            layer.dtype_policy = "float32"
        yield
    finally:
        for layer, policy in policies:
            layer.dtype_policy = policy


def _filled(batch: dict[str, Any]) -> dict[str, Any]:
    """Returns a batch filled up to a power of two, of which few shapes are compiled."""
    size = _at_least(len(batch["task"]))
    return keras.tree.map_structure(
        lambda values: fill_up(values, size) if values.ndim else values, batch
    )
