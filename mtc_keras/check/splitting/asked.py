"""How large the parts of a split are to be: shares, per cent, or numbers of rows."""

import math
import re
from dataclasses import dataclass

import numpy as np

from mtc_keras.data.split_column import SPLITS
from mtc_keras.errors import ConfigError

_SEPARATOR = re.compile(r"\s*[,/;:]\s*|\s+")
_NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)%?")
_MOST_OFF = 1e-6  # of shares such as 0.333333, whose sum is 1
_EXAMPLES = "such as 0.8,0.1,0.1 or 80,10,10 or 8000,1000,1000"


@dataclass(frozen=True)
class Asked:
    """The sizes that are asked for.

    Args:
        text: what was written.
        numbers: one per part, all above 0.
        is_share: bool. Whether they are shares of 1; else they are per cent or rows.
    """

    text: str
    numbers: tuple[float, ...]
    is_share: bool

    @classmethod
    def of(cls, text: str) -> "Asked":
        """Reads `0.8,0.1,0.1`, `80/10/10` or `8000,1000,1000`; two numbers, or three.

        Raises:
            ConfigError: if it is something else.
        """
        where = f"--split {text!r}"
        written = [part for part in _SEPARATOR.split(text.strip()) if part]
        if not all(map(_NUMBER.fullmatch, written)):
            raise ConfigError(f"{where} must be numbers, {_EXAMPLES}")
        numbers = tuple(float(part.rstrip("%")) for part in written)
        if not 2 <= len(numbers) <= len(SPLITS):
            raise ConfigError(
                f"{where} has {len(numbers)} of the parts train, validation and test; give two or "
                f"three numbers, {_EXAMPLES}"
            )
        if min(numbers) == 0:
            raise ConfigError(f"{where} has a part without rows; leave it out")
        total = math.fsum(numbers)
        is_share = abs(total - 1) <= _MOST_OFF
        if not is_share and not all(number.is_integer() for number in numbers):
            raise ConfigError(f"{where}: shares must sum to 1, but these sum to {total:g}")
        return cls(text, numbers, is_share)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parts: train, validation and, of three, test."""
        return SPLITS[: len(self.numbers)]

    def sizes(self, num_rows: int) -> list[int]:
        """Returns the rows of each part, `num_rows` in all, shares rounded by their remainders.

        Raises:
            ConfigError: if the numbers are no shares of so many rows, or a part has none.
        """
        where = f"--split {self.text!r}"
        total = math.fsum(self.numbers)
        if not self.is_share and total not in (num_rows, 100):
            raise ConfigError(
                f"{where}: numbers of rows must sum to the {num_rows:,} rows that there are, but "
                f"these sum to {total:,.0f}; shares sum to 1, per cent to 100"
            )
        wanted = np.array(self.numbers) / total * num_rows
        sizes = np.floor(wanted + _MOST_OFF).astype("int64")
        for part in np.argsort(sizes - wanted, kind="stable")[: num_rows - int(sizes.sum())]:
            sizes[part] += 1
        for name, size in zip(self.names, sizes.tolist(), strict=True):
            if not size:
                raise ConfigError(
                    f"{where}: of {num_rows:,} rows no row is left for {name}; ask for fewer "
                    "parts or a greater share"
                )
        return sizes.tolist()
