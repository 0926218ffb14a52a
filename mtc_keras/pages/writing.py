"""A page on the disk: the HTML, its numbers as JSON, its rows as CSV. All of it or nothing."""

import contextlib
import csv
import io
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import mtc_keras
from mtc_keras import files
from mtc_keras.errors import ConfigError
from mtc_keras.files.places import check_file
from mtc_keras.pages.blocks import Page
from mtc_keras.pages.rendering import GENERATOR, Anchored, anchored, render

SUFFIX = ".html"
WRITTEN_BY = "written_by"  # keys of the JSON beside those of the parts
FILES = "files"
_HEAD = 4096  # bytes at the start of a page, where it says who wrote it
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


def check_page(path: str | Path) -> None:
    """Checks, before any work is done, that a page can be written.

    Args:
        path: the HTML file that is to be.

    Raises:
        ConfigError: if its name does not end with `.html`, it cannot be written, or something
            that `write_page` has not written lies at its place, or at that of the JSON file or
            of the folder beside it.
    """
    path = Path(path)
    if path.suffix.lower() != SUFFIX or path.stem.startswith("."):
        raise ConfigError(f"{str(path)!r} must end with {SUFFIX}, such as 'report{SUFFIX}'")
    numbers, folder = _beside(path)
    check_file(path)
    check_file(numbers)
    files.check_folder(folder, f"{str(folder)!r}, which holds the page's CSV files,")
    written = _written_before(numbers)
    for place, is_ours in (
        (path, not path.exists() or _is_page(path)),
        (numbers, not numbers.exists() or written is not None),
        (folder, not folder.exists() or _names_in(folder) <= set(written or ())),
    ):
        if not is_ours:
            raise ConfigError(
                f"{str(place)!r} would be replaced, and mtc-keras has not written all of it as "
                f"part of a page; move it away, or choose another name than {str(path)!r}"
            )


def write_page(page: Page, path: str | Path) -> None:
    """Writes a page and its numbers: `X.html`, `X.json` and, of parts with tables, `X/NAME.csv`.

    A page that was written there before is replaced. The JSON file holds each part's values by
    the id of its section, and the CSV files' names as `files`.

    Args:
        page: the page.
        path: the HTML file. Its directory exists.

    Raises:
        ConfigError: as `check_page`, or if the disk is full. What was there stays then.
    """
    path = Path(path)
    check_page(path)
    numbers, folder = _beside(path)
    sections = anchored([part.section for part in page.parts], {WRITTEN_BY, FILES})
    tables = _named(page)
    try:
        with contextlib.ExitStack() as stack:  # named in reverse: the page when all else is there
            html = stack.enter_context(files.written_whole(path))
            values = stack.enter_context(files.written_whole(numbers))
            if tables:
                whole = files.folder_written_whole(folder, replace=True)
                directory = stack.enter_context(whole)
                for name, rows in tables.items():
                    (directory / name).write_bytes(_csv(rows))
            values.write(files.readable_json(_values(page, sections, list(tables))).encode())
            for text in render(page, sections):
                html.write(text.encode("utf-8", "backslashreplace"))
        if not tables and folder.exists():
            _remove(folder)
    except OSError as error:
        raise ConfigError(f"cannot write {str(path)!r}: {error.strerror}") from None


def _beside(path: Path) -> tuple[Path, Path]:
    """Returns the JSON file and the folder of a page."""
    return path.with_suffix(".json"), path.with_suffix("")


def _names_in(folder: Path) -> set[str]:
    return {name for name in os.listdir(folder) if not files.is_left_by_system(name)}


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return f'<meta name="generator" content="{GENERATOR} '.encode() in file.read(_HEAD)


def _written_before(numbers: Path) -> list[str] | None:
    """Returns the names of the CSV files of a page's JSON, or `None` if there is none."""
    if not numbers.exists():
        return None
    try:
        values = files.read_json(numbers)
    except (OSError, ValueError):
        return None
    if not isinstance(values, dict) or not isinstance(values.get(FILES), list):
        return None
    return list(values[FILES]) if str(values.get(WRITTEN_BY)).startswith(GENERATOR) else None


def _values(page: Page, sections: Sequence[Anchored], names: Sequence[str]) -> dict[str, Any]:
    parts = zip(sections, page.parts, strict=True)
    return {
        WRITTEN_BY: f"{GENERATOR} {mtc_keras.__version__}",
        FILES: names,
        **{section.anchor: part.values for section, part in parts},
    }


def _named(page: Page) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Returns the rows of all CSV files by names that every file system can hold."""
    named: dict[str, Sequence[Mapping[str, Any]]] = {}
    taken: set[str] = set()
    for part in page.parts:
        for name, rows in part.tables.items():
            plain = _NOT_IN_NAMES.sub("_", name).strip(".")[:100] or "table"
            found, number = plain, 1
            while found.casefold() in taken:
                number += 1
                found = f"{plain}-{number}"
            taken.add(found.casefold())
            named[f"{found}.csv"] = rows
    return named


def _csv(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Returns rows as CSV, whose columns are those of all rows; `None` and NaN are empty."""
    rows = list(rows)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_csv_cell(row.get(column)) for column in columns])
    return text.getvalue().encode("utf-8", "backslashreplace")


def _csv_cell(value: Any) -> Any:
    plain = files.to_json(value)
    return files.json_line(plain) if isinstance(plain, (list, dict)) else plain


def _remove(folder: Path) -> None:
    """Removes the folder of a page that was here before, and has no tables any more."""
    shutil.rmtree(folder)  # `check_page` has found nothing else in it
