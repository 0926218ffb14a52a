"""The weights of a Hugging Face checkpoint, whatever they are called in its files."""

import re
from collections.abc import Callable
from contextlib import ExitStack
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
from keras_hub.src.utils.preset_utils import check_file_exists, get_file
from safetensors import SafetensorError, safe_open

from mtc_keras.files import read_json
from mtc_keras.model.backbones.families import Family
from mtc_keras.model.backbones.folders import INDEX, WEIGHTS, how_to_write_weights, parts_of

# From a stored array and the variable's shape to the variable's value.
Hook: TypeAlias = Callable[[np.ndarray, list[int]], np.ndarray]

# What layer norms were called in TensorFlow.
OLD_NAMES = {"weight": "gamma", "bias": "beta"}
# What follows the encoder in checkpoints of other tasks, and buffers that are no weights.
NOT_OF_ENCODER = re.compile(
    r"(cls|lm_head|classifier|pre_classifier|qa_outputs|predictions|vocab_\w+|sop_classifier"
    r"|\w+_predictions|head|decoder|score)\.|(.*\.)?(position_ids|token_type_ids|inv_freq)$"
)
SHOWN = 5  # names of weights in a message


class Checkpoint(ExitStack):
    """Reads weights by the names that they have without a head, and keeps account of them.

    A weight may be stored with or without the family's prefix, a layer norm's as weight and bias
    or as gamma and beta, in one file or several, in any precision. What is missing is gathered,
    and `finish` tells all of it at once. A context manager: it closes its files at the end.

    Args:
        preset: a folder, or a hub's name such as `"hf://…"`.
        family: the `Family`: what its names begin with, and which weights may be missing.
        initializer_range: float. The standard deviation of those that are drawn.

    Attributes:
        made: the names of the weights that were missing, and so were drawn.

    Raises:
        ValueError: if no weights of the family are found in the files.
    """

    def __init__(self, preset: str, family: Family, initializer_range: float = 0.02) -> None:
        super().__init__()
        self.preset = preset
        self.family = family
        self.initializer_range = initializer_range
        self.made: list[str] = []
        self._opened: dict[str, Any] = {}
        self._read: set[str] = set()
        self._problems: list[str] = []
        self._files = self._files_of_weights()
        self._prefix = self._found_prefix()

    # === Names ===

    def _files_of_weights(self) -> dict[str, str]:
        """Returns the file of each weight."""
        if check_file_exists(self.preset, WEIGHTS):
            return dict.fromkeys(self._open(WEIGHTS).keys(), WEIGHTS)
        if not check_file_exists(self.preset, INDEX):
            raise ValueError(f"it has no {WEIGHTS}; {how_to_write_weights(self.preset)}")
        return parts_of(read_json(Path(get_file(self.preset, INDEX))))

    def _open(self, name: str) -> Any:
        if name not in self._opened:
            path = get_file(self.preset, name)
            self._opened[name] = self.enter_context(safe_open(path, framework="np"))
        return self._opened[name]

    def _found_prefix(self) -> str:
        """Returns what precedes the names of the encoder's weights in the files."""
        anchor = self.family.anchor
        for prefix in (self.family.prefix, ""):
            if prefix + anchor in self._files:
                return prefix
        found = sorted(name for name in self._files if name.endswith(f".{anchor}"))
        if len(found) > 1:
            raise ValueError(f"its weights are of several encoders: {', '.join(found[:SHOWN])}")
        if not found:
            raise ValueError(
                f"its weights are not those of {self.family.name}: {anchor} is missing"
            )
        return found[0].removesuffix(anchor)

    def _find(self, name: str) -> str | None:
        """Returns what a weight is called in the files, `None` where it is missing."""
        stem, _, last = f"{self._prefix}{name}".rpartition(".")
        for candidate in (last, OLD_NAMES.get(last)):
            if candidate is not None and f"{stem}.{candidate}" in self._files:
                return f"{stem}.{candidate}"
        return None

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    # === Weights ===

    def numbers(self) -> int:
        """Returns how many numbers the files hold."""
        files = [self._open(name) for name in sorted(set(self._files.values()))]
        return sum(prod(file.get_slice(key).get_shape()) for file in files for key in file.keys())  # noqa: SIM118

    def get(self, name: str) -> np.ndarray | None:
        """Returns a weight as float32; notes that it is missing, if so, and returns `None`."""
        found = self._find(name)
        if found is None:
            self._problems.append(f"{name} is missing")
            return None
        self._read.add(found)
        try:
            stored = self._open(self._files[found]).get_tensor(found)
        except SafetensorError as error:
            self._problems.append(f"{name} cannot be read from {self._files[found]}: {error}")
            return None
        return np.asarray(stored, dtype="float32")  # of float16 and bfloat16, too

    def port_weight(self, variable: keras.Variable, name: str, hook: Hook | None = None) -> None:
        """Gives a variable its value.

        Args:
            variable: the variable.
            name: the name of the weight, without a prefix.
            hook: optional function of the stored array and the variable's shape that returns
                the value.
        """
        if name not in self and name in self.family.made:
            self.made.append(name)
            self._draw(variable)
            return
        stored = self.get(name)
        if stored is None:
            return
        shape = list(variable.shape)
        try:
            value = stored if hook is None else hook(stored, shape)
        except (ValueError, IndexError):  # of NumPy, as the sizes do not fit
            value = stored
        if list(value.shape) != shape:
            given, wanted = (" × ".join(map(str, sizes)) for sizes in (stored.shape, shape))
            self._problems.append(f"{name} is {given}, where config.json makes {wanted} of it")
            return
        variable.assign(value)

    def _draw(self, variable: keras.Variable) -> None:
        is_bias = len(variable.shape) < 2
        drawn = keras.initializers.RandomNormal(stddev=0 if is_bias else self.initializer_range)
        variable.assign(drawn(variable.shape))

    def linear(self, layer: keras.layers.Layer, name: str) -> None:
        """Gives a `Dense` or `EinsumDense` its kernel, and its bias if it has one."""
        self.port_weight(layer.kernel, f"{name}.weight", lambda x, shape: x.T.reshape(shape))
        if layer.bias is not None:
            self.port_weight(layer.bias, f"{name}.bias", lambda x, shape: x.reshape(shape))

    def norm(self, layer: keras.layers.Layer, name: str) -> None:
        """Gives a `LayerNormalization` its scale, and its offset if it has one."""
        self.port_weight(layer.gamma, f"{name}.weight")
        if layer.beta is not None:
            self.port_weight(layer.beta, f"{name}.bias")

    # === The end ===

    def finish(self) -> list[str]:
        """Ends a conversion.

        Returns:
            The names of the encoder's weights in the files that nobody has read.

        Raises:
            ValueError: naming the weights that were missing, or had another shape.
        """
        if self._problems:
            more = len(self._problems) - SHOWN
            rest = [f"and {more} more"] if more > 0 else []
            raise ValueError("; ".join([*self._problems[:SHOWN], *rest]))
        unread = sorted(self._files.keys() - self._read)
        inside = [
            name.removeprefix(self._prefix) for name in unread if name.startswith(self._prefix)
        ]
        unused = self.family.unused
        return [
            name
            for name in inside
            if not NOT_OF_ENCODER.match(name) and not name.startswith(unused)
        ]
