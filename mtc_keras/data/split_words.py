"""A column that says which split a row belongs to, in a file that is read as one split."""

from collections.abc import Collection

from mtc_keras.data.blocks import Block
from mtc_keras.errors import DataError, listed, plural
from mtc_keras.files import json_line

COLUMNS = ("split", "subset", "partition", "fold", "set")
# The words of each split; in a file that holds those of several, rows have been put together.
WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(
        ("validation", "valid", "val", "dev", "devel", "development", "eval"), "validation"
    ),
    **dict.fromkeys(("test", "testing"), "test"),
}


class SplitWords:
    """What the rows of one split say of the split that they belong to.

    Args:
        name: the split.
        used: columns that the config reads as something else.
    """

    def __init__(self, name: str, used: Collection[str]) -> None:
        self.name = name
        self._columns = [column for column in COLUMNS if column not in used]
        self._found: dict[tuple[str, str], dict[str, tuple[int, str]]] = {}

    def add(self, block: Block) -> None:
        """Takes the next rows."""
        for column in self._columns:
            if column not in block.columns:
                continue
            found = self._found.setdefault((block.source, column), {})
            try:
                cells = block.cells(column)
            except DataError:  # a column that nobody reads does no harm
                cells = [None] * len(block)
            for cell, place in zip(cells, block.where, strict=True):
                word = cell.strip().lower() if isinstance(cell, str) else ""
                word = word if word in WORDS else ""  # else there could be millions
                count, first = found.get(word, (0, place))
                found[word] = count + 1, first

    @property
    def notes(self) -> list[str]:
        """Lines for people, for each source whose rows belong to several splits."""
        return [
            self._note(source, column, found)
            for (source, column), found in self._found.items()
            if found.keys() <= WORDS.keys() and len({WORDS[word] for word in found}) > 1
        ]

    def _note(self, source: str, column: str, found: dict[str, tuple[int, str]]) -> str:
        others = [word for word in found if WORDS[word] != self.name]
        count = sum(found[word][0] for word in others)
        return (
            f"{source}: {plural(count, 'row')} with {listed(others)} in column {column!r} "
            f"{'is' if count == 1 else 'are'} read as {self.name}, first {found[others[0]][1]}; "
            f"set data.split = {json_line(column)} if each row is to be in the split that it names"
        )
