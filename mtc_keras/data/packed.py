"""Strings and integers of many rows in one buffer in place of a Python object each."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow  # type: ignore[import-untyped]

UNPACKED_AT_ONCE = 8192
STRINGS = pyarrow.large_string()
# Strings with lone surrogates, which JSON may hold and UTF-8 may not.
ODD_STRINGS = pyarrow.large_binary()
INTEGERS = pyarrow.int64()


class Packed(Sequence[Any]):
    """An immutable sequence of strings, or of integers, or `None`, in a pyarrow array.

    A text of ten words takes its 60 bytes and 8 more, as a Python string twice as many.
    It compares equal to every sequence of equal values.

    Args:
        array: a pyarrow array of `STRINGS`, `ODD_STRINGS`, `INTEGERS` or nulls.
    """

    def __init__(self, array: Any) -> None:
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Packed(self._array[index])
        return _plain(self._array[int(index)].as_py())

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self), UNPACKED_AT_ONCE):
            values = self._array.slice(start, UNPACKED_AT_ONCE).to_pylist()
            yield from map(_plain, values) if self._array.type == ODD_STRINGS else values

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(
            own == value for own, value in zip(self, other, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Packed {len(self):,} of {self._array.type}>"

    def tolist(self) -> list[Any]:
        """Returns the values as Python objects."""
        return list(self)

    @property
    def array(self) -> Any:
        """The pyarrow array."""
        return self._array


def pack(values: Sequence[Any]) -> Sequence[Any]:
    """Returns the values packed, or as they are if they are of several types or of another one."""
    types = set(map(type, values)) - {type(None)}
    if types <= {str}:
        try:
            return Packed(pyarrow.array(values, STRINGS if types else pyarrow.null()))
        except UnicodeEncodeError:
            encoded = [v if v is None else v.encode("utf-8", "surrogatepass") for v in values]
            return Packed(pyarrow.array(encoded, ODD_STRINGS))
    if types == {int}:
        try:
            return Packed(pyarrow.array(values, INTEGERS))
        except OverflowError:  # of more than 64 bits
            return values
    return values


def join(parts: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """Returns the values of several sequences as one, packed where `pack` can do so."""
    if len(parts) == 1:
        return parts[0]
    arrays = [part.array for part in parts if isinstance(part, Packed)]
    types = {array.type for array in arrays} - {pyarrow.null()}
    if types == {STRINGS, ODD_STRINGS}:
        types = {ODD_STRINGS}
    if len(arrays) < len(parts) or len(types) > 1:
        return list(itertools.chain.from_iterable(parts))
    kind = types.pop() if types else pyarrow.null()
    return Packed(pyarrow.concat_arrays([array.cast(kind) for array in arrays]))


def take(values: Sequence[Any], indices: Sequence[int] | np.ndarray) -> Sequence[Any]:
    """Returns the values at some indices, in their order."""
    if isinstance(values, Packed):
        return Packed(values.array.take(pyarrow.array(indices, INTEGERS)))
    return [values[index] for index in indices]


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value
