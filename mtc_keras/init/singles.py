"""What a single column of labels is: classes, lists, an order, numbers; or why it is none."""

from collections import Counter
from collections.abc import Sequence
from statistics import mean

from mtc_keras.errors import listed
from mtc_keras.init import words
from mtc_keras.init.cells import (
    flag_spelling,
    is_address,
    is_amount,
    is_code,
    is_integer,
    is_list,
    is_number,
    is_share,
    is_table,
    is_time,
    length,
)
from mtc_keras.init.columns import Column
from mtc_keras.init.draft import Draft
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.markers import MARKERS
from mtc_keras.tasks.separators import find_separator, lists, split_names, texts_of
from mtc_keras.tasks.spelling import class_name, number_of

MOST_CLASSES = 1_000
MOST_STEPS = 11  # of a scale, such as 0 to 10
LONGEST_NAME = 60  # characters of a mean class name
NEARLY_ALL = 0.95
TOLD = 6  # classes


class NoLabel(Exception):
    """A column is no label; the message says why."""


def single_task(column: Column) -> Draft:
    """Returns a task that reads one column.

    Raises:
        NoLabel: if it holds no labels.
    """
    if not column.known:
        raise NoLabel("holds nothing")
    if column.distinct == 1:
        raise NoLabel("holds the same in every row that has it")
    for looks, why in ((is_time, "dates or times"), (is_address, "addresses")):
        if column.mean(looks) > 0.5:
            raise NoLabel(why)
    for looks, make in ((is_table, _tables), (is_list, _lists), (is_number, _numbers)):
        if column.mean(looks) >= NEARLY_ALL:
            return _with_missing(column, make(column))
    if column.mean(is_list) and column.all(lambda cell: isinstance(cell, (str, list))):
        return _with_missing(column, _names_and_lists(column))
    return _with_missing(column, _names(column))


def classes_of(column: Column) -> list[Cell]:
    """Returns the cells of a column that hold few different names or numbers, else none."""
    cells = [cell for cell, _ in column.known]
    few = len(cells) <= MOST_CLASSES and column.all(lambda c: isinstance(c, str) or is_integer(c))
    short_names = column.mean(length) <= LONGEST_NAME
    return cells if few and short_names and (column.uniqueness <= 0.5 or len(cells) < 4) else []


def short(names: Sequence[str]) -> str:
    """Returns some of many names."""
    return listed([str(name) for name in names], TOLD)


def _draft(column: Column, kind: str, said: str = "") -> Draft:
    return Draft(column.name, [column.name], {"kind": kind}, [said] if said else [])


def _tables(column: Column) -> Draft:
    tables = [cell for cell, _ in column.looked_at if isinstance(cell, dict)]
    names = dict.fromkeys(name for table in tables for name in table)
    values = [v for table in tables for v in table.values() if v is not None]
    if len(names) > MOST_CLASSES:
        raise NoLabel(f"tables of more than {MOST_CLASSES:,} names")
    if all(flag_spelling(value) for value in values):
        return _draft(column, "multilabel", f"a 0 or 1 per class, {short(list(names))}")
    if not all(map(is_number, values)):
        raise NoLabel("tables of other things than numbers")
    if not all(map(is_share, values)):
        if not all(is_integer(value) and number_of(value) >= 0 for value in values):
            raise NoLabel("tables of numbers that are no votes or probabilities")
        draft = _draft(column, "multiclass", f"how many chose each class, {short(list(names))}")
        draft.values["labels"] = "votes"
        return draft
    sums = [sum(map(number_of, table.values())) for table in tables if table]
    one = mean(abs(total - 1) < 0.02 for total in sums) >= NEARLY_ALL
    draft = _draft(column, "multiclass" if one else "multilabel")
    draft.values["labels"] = "probabilities"
    draft.said.append(f"a probability per class, {short(list(names))}")
    return draft


def _lists(column: Column) -> Draft:
    found = [cell for cell, _ in column.looked_at if isinstance(cell, list)]
    items = [item for cell in found for item in cell if item is not None]
    if not items:
        raise NoLabel("lists without anything in them")
    if all(isinstance(item, dict) for item in items):
        return _list_of_tables(column, items)
    if not all(isinstance(item, (str, int, float)) for item in items):
        raise NoLabel("lists of other things than names")
    lengths = {len(cell) for cell in found if cell}
    if all(flag_spelling(item) == "0/1" for item in items) and len(lengths) == 1:
        draft = _draft(column, "multilabel", "a 0 or 1 per class, in lists")
        draft.values["column"] = f"{column.name}[0:{lengths.pop()}]"
        return draft
    names = Counter(str(item).strip() for item in items)
    if len(names) > MOST_CLASSES:
        raise NoLabel(f"lists of more than {MOST_CLASSES:,} different names")
    if all(isinstance(item, float) and item % 1 for item in items):
        raise NoLabel("lists of numbers")
    if len(names) > 3 and len(names) > 0.8 * len(items):
        raise NoLabel("lists of names that hardly recur")
    repeating = [cell for cell in found if len(set(map(str, cell))) < len(cell)]
    if len(repeating) > len(found) / 3:
        draft = _draft(column, "multiclass", f"lists of several answers, {short(list(names))}")
        draft.values["labels"] = "votes"
        draft.unsure.append("its lists hold names twice, and are read as votes of annotators")
        return draft
    if all(len(cell) == 1 for cell in found):
        draft = _draft(column, "multiclass", f"lists of one name, {short(list(names))}")
        draft.unsure.append('if lists of other rows hold several names, set kind = "multilabel"')
        return draft
    return _draft(column, "multilabel", f"lists of names, {short(list(names))}")


def _names_and_lists(column: Column) -> Draft:
    """Returns a task for cells that hold one name, or a list where there are several."""
    cells = [cell if isinstance(cell, list) else [cell] for cell, _ in column.looked_at]
    items = [item for cell in cells for item in cell]
    names = Counter(item for item in items if isinstance(item, str))
    if names.total() < len(items) or max(map(len, names)) > LONGEST_NAME:
        raise NoLabel("lists and other things than names")
    if column.uniqueness > 0.5 and len(names) > 0.5 * names.total():
        raise NoLabel("lists and texts that hardly recur")
    draft = _draft(column, "multilabel", f"a name, or a list of them, {short(sorted(names))}")
    if column.blank:
        draft.unsure.append(blank_lines(column.blank, column.labelled))
    return draft


def _list_of_tables(column: Column, items: Sequence[dict[str, Cell]]) -> Draft:
    """Returns a task of votes for lists such as `[{"user": 1, "label": "x"}]`."""
    keys = {words.plain(key) for item in items for key in item}
    by_whom = {key for key in keys if key in words.GROUP or words.parts(key) & words.ANNOTATOR}
    if "label" not in keys or not by_whom:
        raise NoLabel("lists of tables, whose values are columns such as NAME[].KEY")
    answers = [str(item["label"]) for item in items if "label" in item]
    draft = _draft(column, "multiclass", f"answers of annotators, {short(sorted(set(answers)))}")
    draft.values["labels"] = "votes"
    return draft


def _numbers(column: Column) -> Draft:
    numbers, name = column.numbers, words.plain(column.name)
    whole = column.all(is_integer)
    if not column.all(is_number):
        return _names(column)
    if whole and column.uniqueness > 0.95 and column.labelled > 20:
        span = numbers[-1] - numbers[0]
        if span < 1.1 * column.labelled or numbers[0] >= 10_000:
            raise NoLabel("a number of its own in every row, such as an index")
    if (whole and numbers[0] > 0 and 9e8 < numbers[0] < 3e9) or 9e11 < numbers[0] < 3e12:
        raise NoLabel("times, in seconds or milliseconds")
    is_coded = bool(words.parts(name) & words.LABEL) or column.name.startswith(words.UNNAMED)
    steps = numbers[-1] - numbers[0]
    missing = [-1.0] if whole and numbers[0] == -1 and len(numbers) > 2 and numbers[1] >= 0 else []
    counted = [number for number in numbers if number not in missing]
    if whole and len(counted) == 2:
        draft = _draft(column, "multiclass", f"the classes {short(_digits(counted))}")
    elif whole and steps < MOST_STEPS and not is_coded and counted[0] in (0, 1) and _recur(column):
        classes = _digits(range(int(counted[0]), int(counted[-1]) + 1))
        draft = _draft(column, "ordinal", "whole numbers in order")
        draft.values["classes"] = classes
        if not words.parts(name) & words.SCALE:
            draft.unsure.append('if the numbers are in no order, set kind = "multiclass"')
    elif whole and len(counted) <= MOST_CLASSES and is_coded and _recur(column):
        draft = _draft(column, "multiclass", f"{len(counted)} numbers that stand for classes")
        draft.unsure.append('if the numbers are an amount, set kind = "regression"')
    elif whole and steps < 2 * MOST_STEPS and _recur(column):
        draft = _draft(column, "multiclass", f"{len(counted)} numbers")
        draft.unsure.append('if the numbers are an amount, set kind = "regression"')
    else:
        return _draft(column, "regression", f"numbers from {numbers[0]:g} to {numbers[-1]:g}")
    if missing:
        draft.values["missing"] = ["-1"]
        draft.unsure.append("-1 is read as no label")
    return draft


def blank_lines(blank: int, labelled: int) -> str:
    """Returns a line on the rows whose cells of names are blank."""
    of = f"{blank:,} of {blank + labelled:,} rows"
    return f'{of} are blank and have no label; if that means no name, set empty_cell = "none"'


def _digits(numbers: Sequence[float] | range) -> list[str]:
    return [str(int(number)) for number in numbers]


def _recur(column: Column) -> bool:
    return column.labelled >= 2 * column.distinct


def _names(column: Column) -> Draft:
    texts = column.names
    if column.mean(_has_decimal_comma) > 0.5:
        if not column.all(_is_number_with_comma):
            raise NoLabel("numbers with a decimal comma, and other things")
        draft = _draft(column, "regression", "numbers with a decimal comma")
        draft.values["decimal"] = ","
        return draft
    if column.mean(is_amount) > 0.5:
        raise NoLabel("numbers with a sign such as $ or %; without it they are numbers")
    if separated := _separated(column, texts):
        return separated
    if column.distinct > MOST_CLASSES or not column.is_whole:
        raise NoLabel(f"more than {MOST_CLASSES:,} different texts")
    if column.uniqueness > 0.5 and column.distinct > 3:
        code = " (an id, or a hash)" if column.mean(is_code) > 0.5 else ""
        raise NoLabel(f"a text of its own in almost every row{code}")
    if column.mean(length) > LONGEST_NAME:
        raise NoLabel("long texts that recur")
    names = list(dict.fromkeys(class_name(text) for text in texts))
    names += [str(cell).lower() for cell, _ in column.known if isinstance(cell, bool)]
    if len(names) < 2:
        raise NoLabel("a single class")
    said = f"classes {short(sorted(names))}"
    if order := words.known_order(names):
        draft = _draft(column, "ordinal", said)
        draft.values["classes"] = order
        draft.unsure.append(
            'the order is that of the words; if they have none, set kind = "multiclass"'
        )
        return draft
    return _draft(column, "multiclass", said)


def _separated(column: Column, texts: Sequence[str]) -> Draft | None:
    """Returns a task whose cells hold several names with a separator between them, if they do."""
    texts = texts_of(texts)
    separator = find_separator(texts)
    if separator is None:
        return None
    several = [text for text in texts if len(split_names(text, separator)) > 1]
    names = Counter(name for text in texts for name in split_names(text, separator))
    needed = 0.1 if separator in ("|", ";", ",", "><") else 0.3
    is_named = words.parts(column.name) & {"labels", "tags", "topics", "genres", "emotions"}
    if not is_named and len(several) < needed * len(texts):
        return None
    hardly_recur = len(names) > 0.8 * names.total()
    if hardly_recur or len(names) > MOST_CLASSES or mean(map(len, names)) > 40:
        return None
    draft = _draft(
        column, "multilabel", f"names separated by {separator!r}, {short(sorted(names))}"
    )
    draft.values["separator"] = separator
    if column.blank:
        draft.unsure.append(blank_lines(column.blank, column.labelled))
    fitting = len(lists(texts, separator))
    if separator not in ("|", "><") and fitting < len(several):
        draft.unsure.append(f'if {separator!r} is part of the names, set kind = "multiclass"')
    return draft


def _with_missing(column: Column, draft: Draft) -> Draft:
    """Adds the texts that say that no label is known, where they are not read so anyway."""
    counts = [f"{text!r} ({count:,})" for text, count in column.gaps.items()]
    if not counts:
        return draft
    is_default = not column.has_null and column.gaps.keys() <= MARKERS
    if is_default and "missing" not in draft.values:
        draft.said.append(f"read as missing: {', '.join(counts)}")
        if "None" in column.gaps:
            draft.unsure.append("if None is a class, missing = [] keeps it one")
        return draft
    draft.values["missing"] = [*column.gaps, *draft.values.get("missing", [])]
    draft.unsure.append(f"{', '.join(counts)} read as no label; missing = [] keeps them as classes")
    return draft


def _is_number_with_comma(cell: Cell) -> bool:
    return isinstance(cell, str) and is_number(cell.replace(",", "."))


def _has_decimal_comma(cell: Cell) -> bool:
    return _is_number_with_comma(cell) and "," in str(cell)
