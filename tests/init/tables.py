"""Small files in the layouts that people have, their texts and labels made up."""

import csv
import json
from pathlib import Path

WORDS = ["clerk", "queue", "bus", "form", "fee", "door", "website", "office", "ticket", "phone"]
MORE = ["was late", "was kind to us", "did not open", "is far too slow", "could be cleaner"]


def sentence(row: int) -> str:
    """Returns a text of its own for a row."""
    return f"The {WORDS[row % 10]} {MORE[row % 7 % 5]} on day {row}"


def write_csv(path: Path, columns: dict[str, list], delimiter: str = ",") -> Path:
    """Writes columns of equal length, a column `text` before them."""
    count = len(next(iter(columns.values())))
    columns = {"text": [sentence(row) for row in range(count)], **columns}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def write_jsonl(path: Path, columns: dict[str, list]) -> Path:
    """Writes columns of equal length, a key `text` before them."""
    count = len(next(iter(columns.values())))
    columns = {"text": [sentence(row) for row in range(count)], **columns}
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def cycle(*values, rows: int = 40) -> list:
    """Returns values over and over again."""
    return [values[row % len(values)] for row in range(rows)]
