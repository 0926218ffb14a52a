"""The weights of a Hugging Face checkpoint, whatever they are called in its files."""

import re
from collections.abc import Callable, Collection
from typing import Any

import keras
import numpy as np
from keras_hub.src.utils.preset_utils import get_file
from keras_hub.src.utils.transformers.safetensor_utils import SafetensorLoader
from safetensors import SafetensorError, safe_open

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
# In every encoder that is read here, and in no head: what precedes it is the prefix.
ANCHOR = "embeddings.word_embeddings.weight"
# What layer norms were called before PyTorch: TensorFlow's names.
OLD_NAMES = {"weight": "gamma", "bias": "beta"}
NEW_NAMES = {old: new for new, old in OLD_NAMES.items()}
# What follows the encoder in checkpoints of other tasks, and buffers that are no weights.
NOT_OF_ENCODER = re.compile(
    r"(cls|lm_head|classifier|pre_classifier|qa_outputs|predictions|vocab_\w+|sop_classifier"
    r"|\w*_predictions|head|decoder|score)\.|.*\b(position_ids|token_type_ids|inv_freq)$"
)
SHOWN = 5  # names of weights in a message


class Checkpoint(SafetensorLoader):
    """Reads weights by the names that they have without a head, and keeps account of them.

    KerasHub's converters call it as their loader. A weight may be stored with or without the
    family's prefix, and a layer norm's as weight and bias or as gamma and beta. What is missing
    is gathered, and `finish` tells all of it at once.

    Args:
        preset: a folder, or a hub's name such as `"hf://…"`.
        prefix: what the names begin with under a head, such as `"bert."`.
        anchor: the name of a weight that every such encoder has.
        optional: the names of weights that may be missing. Their variables are drawn anew,
            kernels with the standard deviation `initializer_range`, biases as 0.
        initializer_range: float.

    Raises:
        ValueError: if no encoder's weights are found in the files.
    """

    def __init__(
        self,
        preset: str,
        prefix: str,
        *,
        anchor: str = ANCHOR,
        optional: Collection[str] = (),
        initializer_range: float = 0.02,
    ) -> None:
        super().__init__(preset)
        self.family_prefix = prefix
        self.optional = frozenset(optional)
        self.initializer_range = initializer_range
        self.made: list[str] = []
        self.read: set[str] = set()
        self.problems: list[str] = []
        self.files = self._files()
        self.prefix = self._found_prefix(anchor)

    def _files(self) -> dict[str, str]:
        """Returns the name of each weight's file."""
        if self.safetensor_config is not None:
            return dict(self.safetensor_config["weight_map"])
        return dict.fromkeys(self._open(WEIGHTS).keys(), WEIGHTS)

    def _open(self, name: str) -> Any:
        if name not in self.safetensor_files:
            path = get_file(self.preset, name)
            self.safetensor_files[name] = self.enter_context(safe_open(path, framework="np"))
        return self.safetensor_files[name]

    def _found_prefix(self, anchor: str) -> str:
        for prefix in (self.family_prefix, ""):
            if prefix + anchor in self.files:
                return prefix
        found = sorted(name for name in self.files if name.endswith(f".{anchor}"))
        if len(found) == 1:
            return found[0].removesuffix(anchor)
        if found:
            raise ValueError(f"it holds several encoders: {', '.join(found[:SHOWN])}")
        raise ValueError(f"its weights are none of such a model: there is no {anchor}")

    def find(self, name: str) -> str | None:
        """Returns what a weight is called in the files, `None` where it is missing."""
        name = self.prefix + name.removeprefix(self.family_prefix)
        stem, _, last = name.rpartition(".")
        for candidate in (last, OLD_NAMES.get(last), NEW_NAMES.get(last)):
            if candidate is not None and f"{stem}.{candidate}" in self.files:
                return f"{stem}.{candidate}"
        return None

    def __contains__(self, name: str) -> bool:
        return self.find(name) is not None

    def get_tensor(self, hf_weight_key: str) -> np.ndarray:
        """Returns a weight as float32, of whatever precision it is stored in.

        Raises:
            KeyError: if it is missing.
        """
        found = self.find(hf_weight_key)
        if found is None:
            raise KeyError(hf_weight_key)
        self.read.add(found)
        try:
            return np.asarray(self._open(self.files[found]).get_tensor(found), dtype="float32")
        except SafetensorError as error:
            raise ValueError(f"{self.files[found]}: {found} cannot be read: {error}") from None

    def port_weight(
        self,
        keras_variable: keras.Variable,
        hf_weight_key: str,
        hook_fn: Callable[[np.ndarray, list[int]], np.ndarray] | None = None,
    ) -> None:
        """Gives a variable its value from the files; notes a problem where it cannot."""
        name, shape = hf_weight_key.removeprefix(self.family_prefix), list(keras_variable.shape)
        if name not in self:
            if name in self.optional:
                self.made.append(name)
                self._make(keras_variable)
            else:
                self.problems.append(f"{name} is missing")
            return
        stored = self.get_tensor(name)
        try:
            value = stored if hook_fn is None else hook_fn(stored, shape)
        except ValueError:  # of NumPy's reshape
            value = stored
        if list(value.shape) != shape:
            given = " × ".join(map(str, stored.shape))
            wanted = " × ".join(map(str, shape))
            self.problems.append(f"{name} is {given}, where config.json asks for {wanted}")
            return
        keras_variable.assign(value)

    def _make(self, variable: keras.Variable) -> None:
        if len(variable.shape) < 2:
            variable.assign(np.zeros(variable.shape))
        else:
            made = keras.initializers.RandomNormal(stddev=self.initializer_range)
            variable.assign(made(variable.shape))

    def finish(self) -> list[str]:
        """Ends a conversion.

        Returns:
            The names of the encoder's weights in the files that nobody has read.

        Raises:
            ValueError: naming the weights that were missing, or had another shape.
        """
        if self.problems:
            more = len(self.problems) - SHOWN
            rest = [f"and {more} more"] if more > 0 else []
            raise ValueError("; ".join([*self.problems[:SHOWN], *rest]))
        return [
            name
            for name in sorted(self.files.keys() - self.read)
            if name.startswith(self.prefix)
            and not NOT_OF_ENCODER.match(name.removeprefix(self.prefix))
        ]
