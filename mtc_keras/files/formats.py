"""The numbers of the formats that are written, and the way from an older one to today's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mtc_keras.errors import DataError

KEY = "format"
Values = dict[str, Any]


@dataclass(frozen=True)
class Format:
    """The format of something that is written as JSON, with its number under the key `format`.

    What was written before formats were numbered, by version 0.1, is of format 0.

    Args:
        migrations: functions of the values of one format that return those of the next, from 0
            on: `migrations[0]` goes from 0 to 1. There are as many as today's number.
    """

    migrations: tuple[Callable[[Values], Values], ...]

    @property
    def number(self) -> int:
        """The number of today's format."""
        return len(self.migrations)

    def stamped(self, values: Mapping[str, Any]) -> Values:
        """Returns values with the format's number before them."""
        return {KEY: self.number, **values}

    def read(self, values: Values, where: str) -> Values:
        """Returns values of this or an older format as today's.

        Args:
            values: what was read.
            where: what was read, for the message, such as `"run 'runs/x'"`.

        Raises:
            DataError: if it was written by a newer version of this package.
        """
        found = values.get(KEY, 0)
        if not isinstance(found, int):  # of an export of 0.1, the name of what it is for
            found = 0
        if found > self.number:
            raise DataError(
                f"{where} was written by a newer mtc-keras (format {found}; this one reads up to "
                f"{self.number}): upgrade with pip install -U mtc-keras"
            )
        for number, migrate in enumerate(self.migrations):
            if number >= found:
                values = {**migrate(values), KEY: number + 1}
        return values
