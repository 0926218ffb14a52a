"""How large a saved model says that it is, and how large its files of weights are.

A few letters in a config ask for any memory; a file must hold what it gives. So sizes are compared
before anything is built.
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mtc_keras.config.model import (
    MOST_LAYERS,
    MOST_TOKENS,
    MOST_VOCABULARY,
)
from mtc_keras.files import file_problem
from mtc_keras.tasks.base import MOST_WIDTH

# A model may say that it is this many times as large as its weights, as it is only estimated.
FACTOR, FLOOR = 4, 1_000_000


class BackboneSizes(BaseModel):
    """The sizes in a backbone's config, as KerasHub calls them; those that are absent count 0.

    Its name is beside them, as TensorFlow takes others than that for no layer's, and at the first
    text.
    """

    model_config = ConfigDict(extra="ignore", strict=True)

    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.\\/>-]*$")
    vocabulary_size: int = Field(default=0, ge=1, le=MOST_VOCABULARY)
    num_layers: int = Field(default=0, ge=1, le=MOST_LAYERS)
    num_heads: int = Field(default=0, ge=1, le=MOST_WIDTH)
    head_size: int | None = Field(default=None, ge=1, le=MOST_WIDTH)
    hidden_dim: int = Field(default=0, ge=1, le=MOST_WIDTH)
    intermediate_dim: int = Field(default=0, ge=1, le=16 * MOST_WIDTH)
    embedding_dim: int | None = Field(default=None, ge=1, le=MOST_WIDTH)
    num_groups: int | None = Field(default=None, ge=1, le=MOST_LAYERS)
    num_inner_repetitions: int = Field(default=1, ge=1, le=MOST_LAYERS)
    max_sequence_length: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    num_segments: int = Field(default=0, ge=0, le=MOST_WIDTH)
    bucket_size: int = Field(default=0, ge=0, le=MOST_TOKENS)
    max_relative_positions: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    convolution_size: int = Field(default=0, ge=0, le=MOST_TOKENS)
    dropout: float = Field(default=0, ge=0, lt=1)

    @property
    def parameters(self) -> int:
        """About how many parameters such a backbone has."""
        width = max(self.hidden_dim, self.num_heads * (self.head_size or 0))
        layer = 4 * self.hidden_dim * width + 2 * self.hidden_dim * self.intermediate_dim
        layers = (self.num_groups or self.num_layers) * self.num_inner_repetitions
        rows = self.vocabulary_size + (self.max_sequence_length or 0)
        rows += self.num_segments + 2 * (self.bucket_size or self.max_relative_positions or 0)
        convolution = self.convolution_size * self.hidden_dim**2
        return rows * (self.embedding_dim or self.hidden_dim) + layers * layer + convolution


def check_parameters(parameters: int, stored: int, weights: str) -> None:
    """Checks that a model is about as large as its weights.

    Args:
        parameters: int. How many it has by its config.
        stored: int. How many numbers the file of weights holds.
        weights: the name of that file.

    Raises:
        ValueError: if it is much larger.
    """
    if parameters > FACTOR * stored + FLOOR:
        raise ValueError(
            f"describes a model of about {parameters:,} parameters, "
            f"but {weights} holds {stored:,} numbers"
        )


def stored_numbers(path: Path) -> int:
    """Returns how many numbers a file of weights holds: HDF5, or safetensors.

    Raises:
        ValueError: if it is none, or declares more than it holds.
    """
    if problem := file_problem(path):
        raise ValueError(problem)
    return _in_safetensors(path) if path.suffix == ".safetensors" else _in_hdf5(path)


def _in_safetensors(path: Path) -> int:
    from math import prod

    from safetensors import SafetensorError, safe_open

    try:  # which compares the shapes with the size of the file
        with safe_open(path, framework="np") as file:
            return sum(prod(file.get_slice(key).get_shape()) for key in file.keys())  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(f"holds no weights: {error}") from None


def _in_hdf5(path: Path) -> int:
    """Counts the numbers, as Keras stores them: plain arrays, one after the other.

    Anything else that HDF5 knows is refused: links to other files, arrays that lie elsewhere, are
    compressed, or have a shape but no content.
    """
    import h5py

    numbers = size = 0
    try:
        with h5py.File(path, "r") as file:
            waiting: list[Any] = [file]
            seen = set()
            while waiting:
                group = waiting.pop()
                for name in group:
                    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                        raise ValueError("has a link to elsewhere")
                    item = group[name]
                    address = h5py.h5o.get_info(item.id).addr
                    if address in seen:
                        raise ValueError("holds an array or group twice")
                    seen.add(address)
                    if isinstance(item, h5py.Group):
                        waiting.append(item)
                    else:
                        numbers += _checked(item)
                        size += item.id.get_storage_size()
    except (OSError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"holds no weights: {error}") from None
    if size > path.stat().st_size:
        raise ValueError("declares more than it holds")
    return numbers


def _checked(dataset: Any) -> int:
    """Returns the size of an array of HDF5.

    Raises:
        ValueError: if it is not stored as Keras stores one.
    """
    stored = dataset.id.get_create_plist()
    if dataset.dtype.kind not in "biufcV" or dataset.dtype.hasobject:
        raise ValueError("holds something else than numbers")
    if stored.get_nfilters() or stored.get_external_count() or dataset.is_virtual:
        raise ValueError("holds an array that is compressed or lies elsewhere")
    if dataset.nbytes > dataset.id.get_storage_size():
        raise ValueError("declares more than it holds")
    return int(dataset.size)
