"""Where the rows stand in one JSON document, and rows of what is laid out by column."""

from collections.abc import Iterator
from typing import Any

from mtc_keras.data.formats.headers import guessed_names
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.split_words import WORDS
from mtc_keras.errors import DataError, did_you_mean, listed, plural
from mtc_keras.files import json_line
from mtc_keras.tasks.paths import NestedPath, found_path, pick

MOST_DEPTH = 6
MOST_PLACES = 30  # where rows may be, as far as they are looked for


def document_rows(path: str, document: Any, layout: Layout, notes: list[str]) -> list[Any]:
    """Returns the rows of a document, those that are lists with the names of `data.header`.

    Args:
        path: the file.
        document: its JSON.
        layout: says where they are, or names the columns by which they are found.
        notes: takes what is told of a file that is no array.

    Raises:
        DataError: if there are no rows, several parts may be them, or they are lists without names.
    """
    rows = _found_rows(path, document, layout, notes)
    if rows and not layout.header and all(isinstance(row, list) for row in rows[:MOST_PLACES]):
        texts = [list(map(str, row)) for row in rows[:MOST_PLACES] if row]
        names = guessed_names(texts, layout) if texts else "[…]"
        raise DataError(
            f"{path}: its rows are lists of cells without names, set data.header = {names}"
        )
    return [named_row(row, layout) for row in rows] if layout.header else rows


def named_row(row: Any, layout: Layout) -> Any:
    """Returns a row that is a list of cells with the names of `data.header`, if they fit."""
    if isinstance(row, list) and len(row) == len(layout.header):
        return dict(zip(layout.header, row, strict=True))
    return row


def _found_rows(path: str, document: Any, layout: Layout, notes: list[str]) -> list[Any]:
    """Returns the rows of a document: those of an array, or of a part of an object that is one."""
    if layout.records is not None:
        return _rows_of(path, _at(path, document, layout.records), layout, notes)
    if not isinstance(document, dict):
        return _rows_of(path, document, layout, notes)
    if (rows := _table_rows(path, document, layout, notes)) is not None:
        return rows
    if not document or _by_id(document, layout):
        return _rows_of(path, document, layout, notes)
    places = dict(_places(path, document, layout))
    if not places:
        return _rows_of(path, document, layout, notes)
    with_text = {place: part for place, part in places.items() if _has_text(part, layout)}
    chosen = places if len(places) == 1 else with_text
    if len(chosen) == 1:
        [(place, part)] = chosen.items()
        others = f", not those of {listed([p for p in places if p != place])}" * (len(places) > 1)
        notes.append(f"{path}: its rows are those of {place!r}{others}")
        return _rows_of(path, part, layout, notes)
    parts = chosen or places
    if layout.split is not None:
        notes.append(f"{path}: its rows are those of {listed(list(parts))}, which are their splits")
        return _with_split(path, parts, layout, notes)
    lines = " or ".join(f"records = {json_line(place)}" for place in list(parts)[:3])
    if all(_last_key(place).lower() in WORDS for place in parts):
        lines = f'split = "split" if these are the splits of their rows, or {lines}'
    raise DataError(f"{path}: rows stand in several places, {listed(list(places))}; set {lines}")


def _with_split(
    path: str, parts: dict[str, Any], layout: Layout, notes: list[str]
) -> list[dict[str, Any]]:
    """Returns the rows of several parts, each with the key of its part as its split."""
    rows = []
    for place, part in parts.items():
        for row in _rows_of(path, part, layout, notes):
            named = named_row(row, layout)
            split = {str(layout.split): _last_key(place)}
            rows.append({**split, **named} if isinstance(named, dict) else row)
    return rows


def _last_key(place: str) -> str:
    return place.rpartition(".")[2]


def _at(path: str, document: Any, records: str) -> Any:
    """Returns the part of a document that `data.records` names."""
    if not isinstance(document, dict):
        kind = type(document).__name__
        raise DataError(
            f"{path}: data.records names {records!r} of an object, but the file holds a {kind}; "
            "leave it out if that is the rows"
        )
    found = found_path(records, document)
    try:
        part = pick(document[found.name], found) if found else None
    except ValueError as error:
        raise DataError(f"{path}: data.records {records!r}: {error}") from None
    if not isinstance(part, (list, dict)):
        raise DataError(
            f"{path}: data.records: there are no rows in {records!r}."
            f"{did_you_mean(records, document)} Keys: {listed(list(document))}"
        )
    return part


def _rows_of(path: str, part: Any, layout: Layout, notes: list[str]) -> list[Any]:
    """Returns the rows that an array, or an object that is laid out as rows, holds."""
    if isinstance(part, list):
        return part
    if not isinstance(part, dict):
        kind = type(part).__name__
        raise DataError(f"{path}: must be an array of objects, received {kind}")
    if not part:
        return []
    if (rows := _table_rows(path, part, layout, notes)) is not None:
        return rows
    is_nested = all(isinstance(value, dict) for value in part.values())
    if is_nested and (len(part) > 1 or _has_text(part, layout)):
        notes.append(f"{path}: its rows are the values of an object, whose keys are their ids")
        return [
            row if found_path(layout.id, row) else {layout.id: key, **row}
            for key, row in part.items()
        ]
    raise DataError(
        f"{path}: must be an array of objects, or an object with one inside; received an object "
        f'of {listed(list(part))}; if rows stand deeper, set records = "key.key"'
    )


def _table_rows(
    path: str, part: dict[str, Any], layout: Layout, notes: list[str]
) -> list[Any] | None:
    """Returns the rows of an object that is laid out by column, which is told; `None` of others."""
    table = _table(path, part, layout)
    if table is None:
        return None
    how, rows = table
    notes.append(f"{path}: is read as {how}")
    return rows


def _table(path: str, part: dict[str, Any], layout: Layout) -> tuple[str, list[Any]] | None:
    """Returns the rows of an object that is laid out by column, and what that layout is called."""
    if part.keys() <= {"columns", "index", "data"} and {"columns", "data"} <= part.keys():
        return "columns beside their rows", _beside(path, part["columns"], part["data"])
    texts = [found for text in layout.texts if (found := found_path(text, part)) is not None]
    if not texts or len(texts) < len(layout.texts):
        return None
    cells, values = part[texts[0].name], list(part.values())
    if _is_text(cells, texts[0]):
        return "one row", [part]
    are_lists, are_objects = (all(isinstance(v, kind) for v in values) for kind in (list, dict))
    if are_lists and any(_is_text(cell, texts[0]) for cell in cells):
        return "a list of cells per column", _zipped(path, part)
    if are_objects and any(_is_text(cell, texts[0]) for cell in cells.values()):
        labels = dict.fromkeys(label for value in values for label in value)
        return "an object of cells per column", [
            {name: value.get(label) for name, value in part.items()} for label in labels
        ]
    return None


def _is_text(cell: Any, path: NestedPath) -> bool:
    """Whether a text stands at a path of a cell."""
    try:
        return isinstance(pick(cell, path), (str, int, float))
    except ValueError:  # something else than what the path leads through
        return False


def _beside(path: str, columns: Any, data: Any) -> list[Any]:
    if not _are_lists(data) or not isinstance(columns, list):
        raise DataError(f"{path}: holds 'columns' and 'data', but no lists of names and of rows")
    names = list(map(str, columns))
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        raise DataError(f"{path}: two columns are called {name!r}")
    for number, row in enumerate(data):
        if len(row) != len(names):
            raise DataError(
                f"{path}:row {number}: has {plural(len(row), 'cell')}, but there are "
                f"{plural(len(names), 'column')}"
            )
    return [dict(zip(names, row, strict=True)) for row in data]


def _zipped(path: str, part: dict[str, list[Any]]) -> list[dict[str, Any]]:
    lengths = {name: len(cells) for name, cells in part.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r} {length:,}" for name, length in list(lengths.items())[:6])
        raise DataError(f"{path}: columns hold different numbers of cells: {shown}")
    return [dict(zip(part, row, strict=True)) for row in zip(*part.values(), strict=True)]


def _places(path: str, document: dict[str, Any], layout: Layout) -> Iterator[tuple[str, Any]]:
    """Yields the parts of a document that may be its rows, all of one depth: the first with any."""
    level: list[tuple[str, dict[str, Any]]] = [("", document)]
    for _ in range(MOST_DEPTH):
        found = [
            (f"{place}.{key}".removeprefix("."), part)
            for place, inside in level
            for key, part in inside.items()
        ][: MOST_PLACES**2]
        rows = [(place, part) for place, part in found if _may_be_rows(path, part, layout)]
        rows = rows or [(place, part) for place, part in found if part and _are_lists(part)]
        if rows:
            yield from rows[:MOST_PLACES]
            return
        level = [(place, part) for place, part in found if isinstance(part, dict)]


def _may_be_rows(path: str, part: Any, layout: Layout) -> bool:
    if isinstance(part, list):
        return any(isinstance(row, dict) for row in part)
    return isinstance(part, dict) and (
        _by_id(part, layout) or _table(path, part, layout) is not None
    )


def _by_id(part: dict[str, Any], layout: Layout) -> bool:
    """Whether the values of an object are rows: they have the texts, or keys in common."""
    rows = list(part.values())
    if not rows or not all(isinstance(row, dict) for row in rows):
        return False
    return _has_text(part, layout) or (len(rows) > 1 and len(set(map(tuple, rows[:20]))) == 1)


def _has_text(part: Any, layout: Layout) -> bool:
    """Whether rows have the text columns, as far as the first ones show."""
    rows = list(part[:20] if isinstance(part, list) else part.values())[:20]
    return any(
        isinstance(row, dict) and all(_is_in(text, row) for text in layout.texts) for row in rows
    )


def _is_in(text: str, row: dict[str, Any]) -> bool:
    return found_path(text, row) is not None


def _are_lists(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, list) for item in value)
