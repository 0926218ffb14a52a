"""What a page consists of: frozen values without any HTML, which the templates turn into it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]
Kind: TypeAlias = Literal["text", "count", "score", "share", "bar"]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True)
class Facts:
    """Names and their values, such as `("rows", "1,024")`."""

    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        title: str. The cell at its head.
        kind: how its cells are written. `"count"`: a number of things; `"score"`: four decimals;
            `"share"`: a number from 0 to 1 as a percentage; `"bar"`: a bar and the number, of
            ints a count beside the column's greatest, of floats a share of 1.
        help: str. What it means, shown while the pointer rests on its head.
    """

    title: str
    kind: Kind = "text"
    help: str = ""


@dataclass(frozen=True)
class Table:
    """A table that is sorted by a click on a column's head.

    Args:
        columns: its columns.
        rows: one sequence of cells per row; `None` and NaN are shown as a dash.
        caption: str. What it shows.
        shown: int. Rows that stand there at once; the others appear after a click.
        most: int. Rows that are written at all; the caption says how many there would be.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    shown: int = 25
    most: int = 1000


@dataclass(frozen=True)
class Figure:
    """A drawing of `figures`.

    Args:
        svg: str. What a function of `figures` returned, and nothing else: it is not escaped.
        caption: str. What it shows and what can be seen in it.
        alt: str. The same for who cannot see it.
    """

    svg: str
    caption: str
    alt: str


@dataclass(frozen=True)
class Grid:
    """Blocks side by side where there is room, else one under another."""

    blocks: Sequence["Block"]


@dataclass(frozen=True)
class Details:
    """Blocks that are folded until somebody opens them; in print they are open."""

    summary: str
    blocks: Sequence["Block"]


class Text(NamedTuple):
    """A text of the users' and what is known of it.

    Args:
        text: str. The text as it was read.
        facts: names and values, such as `("true", "joy")`.
        words: optional. Its words in their order, each with what it adds to a prediction, of
            either sign.
    """

    text: str
    facts: Sequence[tuple[str, str]] = ()
    words: Sequence[tuple[str, float]] | None = None


@dataclass(frozen=True)
class Texts:
    """Texts of the users', one under another; of a long one the rest is folded."""

    items: Sequence[Text]


@dataclass(frozen=True)
class Problem:
    """Something that is wrong.

    Args:
        severity: `"error"`, `"warning"` or `"note"`.
        title: str. What is wrong.
        count: int. How often.
        places: where, such as `"train.jsonl:12"`: the first ones of them.
        remedy: str. What would help.
        about: str. The task or split that it is about.
    """

    severity: Severity
    title: str
    count: int
    places: Sequence[str]
    remedy: str
    about: str = ""


@dataclass(frozen=True)
class Problems:
    """Problems, one under another."""

    items: Sequence[Problem]


@dataclass(frozen=True)
class Section:
    """Blocks under a heading.

    Args:
        title: str. The heading.
        blocks: what stands under it; sections among them have smaller headings.
        id: str. Its anchor in the page and key in the JSON file; made of the title if empty. Where
            two sections have the same, the later one gets a number.
    """

    title: str
    blocks: Sequence["Block"]
    id: str = ""


Block: TypeAlias = Paragraph | Facts | Table | Figure | Grid | Details | Texts | Problems | Section


class Part(NamedTuple):
    """One analysis: what is shown, and its numbers.

    Args:
        section: what is shown.
        values: its numbers, as whatever `files.to_json` takes.
        tables: rows by the name of the CSV file that they go to.
    """

    section: Section
    values: Mapping[str, Any] = {}
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = {}


@dataclass(frozen=True)
class Page:
    """A page.

    Args:
        title: str. Its title.
        facts: names and values at its head.
        parts: its analyses.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    parts: Sequence[Part]
