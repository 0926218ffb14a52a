"""The split that each row belongs to, by the column that `data.split` names."""

from collections.abc import Iterator, Mapping
from typing import Any

from mtc_keras.config import DataConfig
from mtc_keras.data.blocks import Block
from mtc_keras.data.nearest import nearest
from mtc_keras.data.row_values import cell_name
from mtc_keras.data.split_words import WORDS
from mtc_keras.errors import listed, plural
from mtc_keras.files import json_line
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.markers import MARKERS

SPLITS = ("train", "validation", "test")
LEFT_OUT = "ignore"
BLANK = ""
OTHERS = "…"
MOST_WORDS = 100  # different ones that are counted: where there are more, it is another column
MOST_CHARACTERS = 30  # of a word that a message shows: a longer one is a text


class SplitColumn:
    """Sends rows to the splits that they belong to, and counts them.

    Args:
        data: the `[data]` section; its `split` is set.
    """

    def __init__(self, data: DataConfig) -> None:
        self.data = data
        self.column = str(data.split)
        self._given = {_word(value): split for split, value in data.split_words}
        self._splits: dict[str, str] = {**WORDS, BLANK: LEFT_OUT, **self._given}
        self._found: dict[str, tuple[int, str]] = {}  # by word, how often and where first
        self._wrong: tuple[int, str, str] | None = None
        self._lacking: dict[str, list[str]] = {}  # sources, and the columns that they have

    def parts(self, block: Block) -> Iterator[tuple[str, Block]]:
        """Yields the rows of a block by split; a block without the column belongs to none."""
        renamed = block.renamed(self.data.rename)
        if renamed.path(self.column) is None:
            self._lacking.setdefault(block.source, [*renamed.columns, *renamed.nested_names()])
            return
        picked = renamed.pick(self.column)
        for row, message in picked.mistakes:
            self._add_wrong(block.where[row], message)
        rows: dict[str, list[int]] = {}
        known: dict[Cell, str] = {}  # few cells are different
        for row, cell in enumerate(picked.cells):
            word = known.get(cell) if isinstance(cell, str) else None
            if word is None:
                word = self._read(cell, block, row)
                known |= {cell: word} if isinstance(cell, str) else {}
            if word not in self._found and len(self._found) > MOST_WORDS:
                word = OTHERS
            count, first = self._found.get(word, (0, block.where[row]))
            self._found[word] = count + 1, first
            rows.setdefault(self._splits.get(word, LEFT_OUT), []).append(row)
        for split, chosen in rows.items():
            if split != LEFT_OUT:
                yield split, block if len(chosen) == len(block) else block.select(chosen)

    def _read(self, cell: Cell, block: Block, row: int) -> str:
        if isinstance(cell, (list, dict)):
            self._add_wrong(block.where[row], f"must hold a word, received a {type(cell).__name__}")
            return BLANK
        word = _word(cell)
        is_marker = isinstance(cell, str) and cell.strip() in MARKERS and word not in self._splits
        return BLANK if is_marker and not block.has_null else word

    def _add_wrong(self, place: str, message: str) -> None:
        count, first, shown = self._wrong or (0, place, message)
        self._wrong = count + 1, first, shown

    def has(self, split: str) -> bool:
        """Whether a row says that it belongs to a split."""
        return any(self._splits.get(word) == split for word in self._found)

    def chosen(self, block: Block, split: str) -> Block:
        """Returns the rows of one split; of a block without the column, all rows."""
        if block.renamed(self.data.rename).path(self.column) is None:
            return block
        return dict(self.parts(block)).get(split, block.select([]))

    @property
    def is_found(self) -> bool:
        """Whether any rows had the column."""
        return bool(self._found)

    def problems(self, needed: str = "train") -> list[str]:
        """Returns what is wrong with the column.

        Args:
            needed: the split that must have rows.
        """
        where = f"data.split (column {self.column!r})"
        problems = [
            f"{source}: no column {self.column!r} (data.split)."
            f"{nearest(self.column, columns, 'split')}"
            for source, columns in self._lacking.items()
        ]
        if self._wrong:
            count, place, message = self._wrong
            more = f" (and {plural(count - 1, 'more row')})" if count > 1 else ""
            problems.append(f"{place}{more}: {where}: {message}")
        unknown = [word for word in self._found if word not in self._splits]
        if unknown:
            count = sum(self._found[word][0] for word in unknown)
            words = [word for word in unknown if len(word) <= MOST_CHARACTERS] or ["a text"]
            values = json_line(words[:3])
            problems.append(
                f"{self._found[unknown[0]][1]}: {where}: {plural(count, 'row')} with "
                f"{listed(words, 5)}, which {_is(len(unknown))} no split; say what they are, such "
                f"as split_values = {{ train = {values} }}, or leave them out: split_values = "
                f"{{ ignore = {values} }}"
            )
        elif not problems and not self.has(needed):
            problems.append(
                f"{where}: no row belongs to {needed}; found {self._counts() or 'only blank cells'}"
            )
        return problems

    @property
    def notes(self) -> list[str]:
        """Lines for people: which rows went where, and which went nowhere."""
        notes = [f"data.split: column {self.column!r}: {self._counts()}"]
        count, first = self._found.get(BLANK, (0, ""))
        if count and BLANK not in self._given:
            of = f"{plural(count, 'row')} with a blank cell in {self.column!r}"
            notes.append(f"data.split: {of} {_belong(count)} to no split, first {first}")
        ignored = [word for word in self._words(LEFT_OUT) if word]
        if ignored:
            count = sum(self._found[word][0] for word in ignored)
            of = f"{plural(count, 'row')} with {listed(ignored, 5)}"
            first = self._found[ignored[0]][1]
            notes.append(f"data.split: {of} {_is(count)} left out, first {first}")
        if isinstance(self.data.validation, (int, float)) and self.has("validation"):
            notes.append(
                f"data.validation: {self.data.validation} splits off no rows, as "
                f"{self._count('validation')} belong to validation by column {self.column!r}"
            )
        return notes

    def chosen_note(self, split: str) -> str:
        """Returns a line on the rows of other splits that are not read."""
        count = sum(n for word, (n, _) in self._found.items() if self._splits.get(word) != split)
        return (
            f"data.split: {self._count(split)} of {split} by column {self.column!r}; "
            f"{plural(count, 'other row')} {_is(count)} not read"
        )

    def _words(self, split: str) -> list[str]:
        return [word for word in self._found if self._splits.get(word) == split]

    def _count(self, split: str) -> str:
        return plural(sum(self._found[word][0] for word in self._words(split)), "row")

    def _counts(self) -> str:
        """Returns `200 rows of train, 50 rows of validation ('dev')`."""
        counts = []
        for split in SPLITS:
            words = self._words(split)
            if words:
                other = "" if words == [split] else f" ({', '.join(map(repr, words))})"
                counts.append(f"{self._count(split)} of {split}{other}")
        return ", ".join(counts)


def both_named(found: Mapping[str, Any], sources: Mapping[str, Any], data: DataConfig) -> list[str]:
    """Returns a message for each split that the column gives rows, and the config files, too.

    Args:
        found: the splits of the rows of data.train.
        sources: the splits that have a source of their own.
        data: the `[data]` section.
    """
    return [
        f"data.{split}: rows of data.train belong to {split} by column {data.split!r}, too; leave "
        f"out data.{split}, or these rows by split_values = {{ ignore = […] }}"
        for split in found
        if split != "train" and split in sources and "train" in found
    ]


def _word(cell: Cell) -> str:
    """Returns what a cell says, however it is spelled."""
    return cell_name(cell).strip().lower()


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _belong(count: int) -> str:
    return "belongs" if count == 1 else "belong"
