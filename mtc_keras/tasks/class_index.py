"""The classes of a task by name, however a name is spelled."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from mtc_keras.errors import did_you_mean
from mtc_keras.tasks.spelling import INTEGER, class_key, fraction, likeness


class ClassIndex(dict[str, int]):
    """A dict from each class's name to its index, in order; `find` knows other spellings, too.

    Args:
        names: the class names, in order.
    """

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__((name, index) for index, name in enumerate(names))

    @cached_property
    def by_key(self) -> dict[str, int]:
        """The index of each class by what all its spellings share."""
        found: dict[str, int] = {}
        for name, index in self.items():
            if name.strip():  # no cell names a blank one
                found.setdefault(class_key(name), index)
        return found

    @cached_property
    def are_integers(self) -> bool:
        """Whether classes are called by integers, which therefore are no positions."""
        return any(INTEGER.fullmatch(key) for key in self.by_key)

    def find(self, value: object) -> int | None:
        """Returns the index of the class that a value names, `None` if it names none of them.

        Raises:
            ValueError: if the value cannot name a class.
        """
        # As it stands first: version 0.1 trained "1" and "1.0" as two classes.
        if isinstance(value, str) and (index := self.get(value.strip())) is not None:
            return index
        # A fraction is a class only where it is known as one: it is rather a measurement.
        index = self.by_key.get(fraction(value))
        return self.by_key.get(class_key(value)) if index is None else index

    def in_own_spelling(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Returns a table by class with the classes' names as its keys; others are left out."""
        names = list(self)
        found = ((self.find(name), value) for name, value in table.items() if name.strip())
        return {names[index]: value for index, value in found if index is not None}

    def nearest(self, name: str) -> str:
        """Returns the class that an unknown name is probably meant to be, as a question."""
        alike = [known for known in self if likeness(known) == likeness(name)]
        if INTEGER.fullmatch(name):  # as "1" is where somebody lost the zero of "01"
            same = (k for k in self if INTEGER.fullmatch(k) and int(k) == int(name))
            alike += same
        return f" Did you mean {alike[0]!r}?" if alike else did_you_mean(name, self)


def same_class(names: Iterable[str]) -> tuple[str, str] | None:
    """Returns the first two names that are spellings of one class, if there are any."""
    first: dict[str, str] = {}
    for name in names:
        if name.strip() and (other := first.setdefault(class_key(name), name)) != name:
            return other, name
    return None
