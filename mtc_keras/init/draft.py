"""A config in the making: values, and what is said of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mtc_keras.errors import DataError


@dataclass
class Draft:
    """What a config will say of one task.

    Args:
        name: the task's.
        columns: the columns that it reads.
        values: its table; `kind` comes first.
        said: lines on what was seen.
        unsure: lines on what may be meant otherwise.
    """

    name: str
    columns: list[str]
    values: dict[str, Any]
    said: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)


@dataclass
class Roles:
    """What columns are, beside labels.

    Args:
        text: the text column, or a pair.
        values: other keys of `[data]`, such as `id`.
        said: a comment for each of them, by key.
        offers: lines of config that may be meant instead, each with what it would do.
        used: columns that are no labels.
        unused: why columns are not used, by name.
        unsure: lines on what may be meant otherwise.
    """

    text: list[str]
    values: dict[str, Any] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    offers: list[tuple[str, str]] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    unused: dict[str, str] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)


@dataclass
class Plan:
    """A whole config in the making.

    Args:
        files: the files that were looked at.
        rows: int. Their rows.
        roles: what columns are, beside labels; their `values` are those of `[data]`.
        drafts: the tasks.
        tables: the other tables of the config, by name.
        said: comments by table and key.
    """

    files: Sequence[str]
    rows: int
    roles: Roles
    drafts: list[Draft]
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: dict[tuple[str, str], str] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """Returns the config as a dict."""
        tasks = {draft.name: draft.values for draft in self.drafts}
        return {"data": self.roles.values, "tasks": tasks, **self.tables}

    def leave_out(self, draft: Draft, why: str) -> None:
        """Takes a task out, and says why.

        Raises:
            DataError: if no other one is left.
        """
        self.drafts.remove(draft)
        self.roles.unused |= dict.fromkeys(draft.columns, why)
        self.check()

    def check(self) -> None:
        """Checks that there is a task.

        Raises:
            DataError: if there is none, with what each column holds instead.
        """
        if self.drafts:
            return
        seen = [f"column {text!r}: texts" for text in self.roles.text]
        seen += [f"column {name!r}: {why}" for name, why in self.roles.unused.items()]
        raise DataError(
            f"{', '.join(self.files)}: no column holds labels that recur; a config needs one: "
            'write [tasks.NAME] with kind and column, or see docs/data.md, "Write labels"',
            seen,
        )
