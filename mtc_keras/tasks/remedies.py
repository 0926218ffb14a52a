"""Lines of config that would read a cell that cannot be read as it is, for messages."""

import math
from collections.abc import Sequence

from mtc_keras.files import json_line
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.paths import EACH
from mtc_keras.tasks.spelling import number_of

# What objects call the name that they give, the likeliest first.
NAME_KEYS = ("name", "label", "labels", "value", "class", "category", "tag", "title", "text")
NEARLY = 0.01  # how far a sum of probabilities may be from 1


def table_line(column: str, table: dict[object, object]) -> str:
    """Returns the line that reads a table, of a task of one class or with other values than 0/1.

    Args:
        column: the column in which it stands, as a config names it.
        table: the table, which is not empty.
    """
    numbers = [number_of(value) for value in table.values() if value is not None]
    if not numbers or any(map(math.isnan, numbers)):
        return f"column = {json_line(f'{column}.{_name_key(table)}')}"
    if abs(math.fsum(numbers) - 1) <= NEARLY or any(number % 1 for number in numbers):
        return 'labels = "probabilities"'
    return 'labels = "votes"'


def list_line(column: str, items: Sequence[Cell], *, several: bool) -> str:
    """Returns the line that reads a list of objects or of lists, `""` if it holds neither.

    Args:
        column: the column in which it stands, as a config names it.
        items: the items of the list.
        several: bool. Whether the task takes several classes.
    """
    first = next((item for item in items if isinstance(item, (dict, list)) and item), None)
    step = "[]" if several else "[0]"
    if isinstance(first, dict):
        return f"column = {json_line(f'{column}{step}.{_name_key(first)}')}"
    if not isinstance(first, list):
        return ""
    way = f"{column}{step}" if several and EACH in column else f"{column}{step}{step}"  # joined
    return f"column = {json_line(way)}"


def are_shares(values: Sequence[object]) -> bool:
    """Whether the items of a list are several numbers from 0 to 1, not all of them whole."""
    numbers = [number_of(value) for value in values]
    return (
        len(numbers) > 1
        and all(0 <= number <= 1 for number in numbers)
        and any(number % 1 for number in numbers)
    )


def _name_key(table: dict[object, object]) -> str:
    """Returns the key of the value that most likely is the name of a class."""
    texts = [key for key, value in table.items() if isinstance(value, str)]
    named = [key for key in NAME_KEYS if key in table]
    return str([*named, *texts, *table][0])
