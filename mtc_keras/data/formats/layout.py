"""How the files of a config are laid out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mtc_keras.config import DataConfig
from mtc_keras.tasks import Task
from mtc_keras.tasks.paths import names_in

Quoting = Literal["minimal", "escaped", "none"]


@dataclass(frozen=True)
class Layout:
    """How files are read.

    Args:
        encodings: names of the encoding of all text, or of several of which each line is in one;
            none to look for it.
        quoting: what quotes mean; default: they stand around the cells of csv, and around those
            of tsv if the file shows it.
        delimiter: what separates the cells of a line; default: what the file shows.
        header: the names of the columns of a table without a header.
        names: the columns that are looked for. A column whose header has blanks around such a
            name is called by it, if no column is so called exactly.
        records: where the rows stand in a JSON document; default: they are found.
        texts: the text columns as the file names them.
        labels: the columns of labels, if they are looked for, as the file names them.
        id: the column of ids, as the file names it.
        text_names: the names by which each text column is found, before or after it is renamed.
        split: the column that says to which split a row belongs, as the file names it.
    """

    encodings: tuple[str, ...] = ()
    quoting: Quoting | None = None
    delimiter: str | None = None
    header: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    records: str | None = None
    texts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    id: str = "id"
    text_names: tuple[frozenset[str], ...] = ()
    split: str | None = None

    @classmethod
    def of(cls, data: DataConfig, tasks: Sequence[Task] = ()) -> "Layout":
        """Returns the layout of a config; without tasks, that of rows to predict."""
        names = [*data.rename, *data.text_columns, data.id, *([data.split] if data.split else [])]
        labels = [name for task in tasks for name in task.path.names]
        if tasks:
            names += [data.weight, *(name for name in (data.group, data.votes_by) if name), *labels]
        texts = tuple(_before(text, data.rename) for text in data.text_columns)
        return cls(
            data.encodings,
            data.quoting,
            data.delimiter,
            tuple(data.header or ()),
            names=frozenset(part for name in names for part in names_in(name)),
            records=data.records,
            texts=texts,
            labels=tuple(dict.fromkeys(_before(name, data.rename) for name in labels)),
            id=_before(data.id, data.rename),
            text_names=tuple(
                frozenset([*names_in(old), *names_in(new)])
                for old, new in zip(texts, data.text_columns, strict=True)
            ),
            split=data.split and _before(data.split, data.rename),
        )

    @property
    def keys(self) -> list[str]:
        """The keys of `[data]` that say how a file is read, as far as they are set."""
        keys = {
            "quoting": self.quoting,
            "delimiter": self.delimiter,
            "encoding": self.encodings,
            "header": self.header,
            "records": self.records,
        }
        return [key for key, value in keys.items() if value]

    def column_names(self, header: Sequence[str]) -> list[str]:
        """Returns what the columns of a header are called."""
        return [self._name(name, header) for name in header]

    def known(self, header: Sequence[str]) -> list[str]:
        """Returns the columns of a header that are looked for."""
        return [name for name in self.column_names(header) if name in self.names]

    def has_texts(self, columns: Sequence[str]) -> bool:
        """Whether a table with such columns has all text columns."""
        return not any(names.isdisjoint(columns) for names in self.text_names)

    def _name(self, name: str, header: Sequence[str]) -> str:
        bare = name.strip()
        is_it = bare in self.names and name not in self.names and bare not in header
        return bare if is_it else name


ANY = Layout()
"""That of files of which nothing is said."""


def _before(column: str, rename: Mapping[str, str]) -> str:
    """Returns what a column was called before it was renamed, or the one that it is a path into."""
    old = {new: name for name, new in rename.items()}
    name = next((name for name in names_in(column) if name in old), "")
    return old[name] + column[len(name) :] if name else column
