"""The classes of a task: listed, counted or learned, and found by any spelling of their names."""

from collections.abc import Collection, Iterable
from functools import cached_property
from typing import Any, Literal

from pydantic import Field

from mtc_keras.errors import listed
from mtc_keras.tasks.base import Task
from mtc_keras.tasks.class_index import ClassIndex, same_class
from mtc_keras.tasks.columns import MOST_CLASSES
from mtc_keras.tasks.markers import MARKERS
from mtc_keras.tasks.spelling import INTEGER, class_name


class ClassNames(Task):
    """The classes of a task, and which of them a name names."""

    classes: list[str] | None = Field(
        default=None,
        min_length=2,
        description="Class names in order; read from the training rows if absent.",
    )
    num_classes: int | None = Field(
        default=None,
        ge=2,
        le=MOST_CLASSES,
        description="Number of classes when labels are indices 0 … n-1.",
    )
    class_names: dict[str, str] = Field(
        default_factory=dict, description="Display names of the classes: class = 'name'."
    )
    unknown_classes: Literal["error", "ignore"] = Field(
        default="error", description="What to do with a class that the training rows lack."
    )

    class_counts: list[int | float] | None = Field(
        default=None,
        description="Number of training labels per class, or the sum of their shares; measured.",
    )
    learned: bool | None = Field(
        default=None,
        description="Whether `classes` were read from the training rows rather than listed, so "
        "that an integer is never their position; measured.",
    )

    def model_post_init(self, context: Any) -> None:
        """Checks what involves several fields."""
        if self.classes is not None and len(set(self.classes)) < len(self.classes):
            raise ValueError("classes must differ from each other")
        if self.classes is not None and self.num_classes not in (None, len(self.classes)):
            raise ValueError(
                f"num_classes is {self.num_classes}, but classes lists {len(self.classes)}; "
                "give one of the two"
            )
        names = list(self.class_names.values())
        if len(set(names)) < len(names):
            raise ValueError("class_names must differ from each other")
        self._check_spellings("classes", self.classes or [])
        known = self._checked_classes()
        for key, table in self._by_class().items():
            self._check_spellings(key, table)
            for name in table if known else ():
                if self._index.find(name) is None:
                    raise ValueError(
                        f"{key} gives {name!r}, which is none of the classes."
                        f"{self._index.nearest(name)}"
                    )

    def _by_class(self) -> dict[str, Collection[str]]:
        """The classes that the config names in each key that is a table by class."""
        return {"class_names": self.class_names}

    def _check_spellings(self, key: str, names: Iterable[str]) -> None:
        """Refuses two names of one class, but not those that an older version has trained."""
        both = same_class(names) if self.class_counts is None else None
        if both:
            raise ValueError(
                f"{key} names {both[0]!r} and {both[1]!r}, which are one class; leave out one"
            )

    def _given_classes(self) -> list[str] | None:
        """Classes that need no training rows: listed, counted, or those of columns."""
        return self._counted_classes() if self.classes is None else self.classes

    def _checked_classes(self) -> list[str] | None:
        """Classes that the names in other keys must be among; `None` if they are not known yet."""
        return self._given_classes()

    def _counted_classes(self) -> list[str] | None:
        count = self.num_classes
        return None if count is None else [str(index) for index in range(count)]

    @cached_property
    def _index(self) -> ClassIndex:
        classes = self._given_classes()
        if classes is None:
            raise ValueError(f"task {self.name!r} has no classes yet: call `learn` first")
        return ClassIndex(classes)

    @cached_property
    def _has_positions(self) -> bool:
        """Whether an integer cell is the position of a class that the config lists."""
        return not self.learned and not self._index.are_integers

    @property
    def has_classes(self) -> bool:
        return True

    @property
    def known_classes(self) -> list[str]:
        return list(self._index)

    def index_of(self, value: object) -> int | None:
        """Returns the index of the class a cell's value names; `None` for an ignored one.

        Raises:
            ValueError: for an unknown class, or an index outside the classes.
        """
        index = self._index.find(value)
        if index is not None:
            return index
        name = class_name(value)
        problem = f"class {name!r} is unknown"
        if self._has_positions and INTEGER.fullmatch(name):
            if 0 <= int(name) < len(self._index):
                return int(name)
            problem = f"index {name} is outside 0 … {len(self._index) - 1}"
        if self.unknown_classes == "ignore":
            return None
        raise ValueError(
            f"{problem}; training knows {listed(list(self._index))}.{self._index.nearest(name)} "
            f'({self.remedy(name)}, or treat it as missing: unknown_classes = "ignore")'
        )

    def remedy(self, name: str) -> str:
        """Returns what would make an unknown class right."""
        if name in MARKERS:
            return f"If it means that no label is known, set {self.missing_line(name)}"
        if self.learned and INTEGER.fullmatch(name):
            return "If it is a position, list `classes` in their order"
        return "Add it to `classes`"
