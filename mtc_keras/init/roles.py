"""Which column holds the texts, and which ones ids, weights, groups or splits."""

import json
from collections.abc import Sequence

from mtc_keras.data.split_words import COLUMNS as SPLIT_COLUMNS
from mtc_keras.data.split_words import WORDS as SPLIT_WORDS
from mtc_keras.errors import DataError, listed
from mtc_keras.init import words
from mtc_keras.init.cells import (
    is_address,
    is_code,
    is_integer,
    is_list,
    is_number,
    is_time,
    is_words,
    length,
    word_count,
)
from mtc_keras.init.columns import Column
from mtc_keras.init.draft import Roles
from mtc_keras.init.survey import Survey
from mtc_keras.tasks.columns import Cell

MOST_COUNTED = 200  # characters beyond which a text is not more of a text
ENOUGH_WORDS = 1.5  # of a mean cell
UNIQUE = 0.98
MOST_ALONE = 0.8  # texts per row, where several raters read most of them
FEWEST_GROUPS = 10
MOST_STEPS = 12  # of an order that everybody knows


def find_roles(survey: Survey, given: list[str]) -> Roles:
    """Finds what columns are, beside labels.

    Args:
        survey: what the files hold.
        given: the text columns, if they are known.

    Raises:
        DataError: if no column holds texts.
    """
    scores = {name: text_score(column) for name, column in survey.columns.items()}
    texts = sorted((name for name in scores if scores[name]), key=lambda name: -scores[name])
    texts.sort(key=words.is_aside)  # names of users, for instance, come last
    if not texts and not given:
        raise DataError(
            f"{', '.join(survey.files)}: no column holds texts. "
            f"Columns: {listed(list(survey.columns))}"
        )
    roles = Roles(given or _pair(texts) or [texts[0]])
    roles.used.update(roles.text)
    _offer_other_texts(survey, texts, roles)
    _find_split(survey, roles)
    _find_id(survey, roles)
    _find_weight(survey, roles)
    _find_group(survey, roles)
    return roles


def text_score(column: Column) -> float:
    """Returns how much a column looks like one of texts, 0 if it does not at all."""
    if not column.known or column.mean(is_words) < 0.8:
        return 0
    if column.distinct <= MOST_STEPS and words.known_order(column.names):
        return 0  # such as a `review` that says `good`, `very good`
    is_named = bool({words.plain(column.name), *words.parts(column.name)} & words.TEXT)
    odd = max(column.mean(looks) for looks in (is_time, is_address, is_code))
    if odd > 0.5 or column.mean(_is_written_value) > 0.5:
        return 0
    many_words = column.mean(word_count) >= ENOUGH_WORDS or column.mean(length) >= MOST_COUNTED
    if not is_named and not (many_words and column.uniqueness > 0.3):
        return 0
    if is_named and not many_words and column.uniqueness < 0.5:
        return 0  # such as a `title` of Mr and Mrs
    size = min(column.mean(length), MOST_COUNTED)
    return size * min(2 * column.uniqueness, 1) * (4 if is_named else 1)


def _is_written_value(cell: object) -> bool:
    return isinstance(cell, (list, dict))


def _pair(texts: Sequence[str]) -> list[str] | None:
    """Returns two text columns whose names say that they belong together."""
    by_name = {words.plain(name): name for name in texts}
    for first, second in words.PAIRS:
        if first in by_name and second in by_name:
            return [by_name[first], by_name[second]]
    numbered = [name for name in texts if (stem := words.stem_of(name)) and stem]
    for name in sorted(numbered):
        twins = sorted(other for other in numbered if words.stem_of(other) == words.stem_of(name))
        if len(twins) == 2:
            return twins
    return None


def _offer_other_texts(survey: Survey, texts: Sequence[str], roles: Roles) -> None:
    others = [name for name in texts if name not in roles.text]
    roles.unused |= dict.fromkeys(others, "texts, too")
    others = [name for name in others if not words.is_aside(name)]
    if len(roles.text) == 2:
        roles.unsure.append(f"columns {listed(roles.text)} are read as text pairs, by their names")
    elif others:
        pair = [roles.text[0], others[0]]
        if words.plain(others[0]) in words.TITLE:
            pair.reverse()
        roles.offers.append((f"text = {pair!r}".replace("'", '"'), "reads both as a text pair"))
        roles.unsure.append(
            f"columns {listed([roles.text[0], *others[:3]])} all hold texts; "
            f"{roles.text[0]!r} is taken"
        )


def _find_split(survey: Survey, roles: Roles) -> None:
    for name in SPLIT_COLUMNS:
        column = survey.columns.get(name)
        if column is None or name in roles.used:
            continue
        said = {word.lower() for word in column.names}
        splits = {SPLIT_WORDS[word] for word in said if word in SPLIT_WORDS}
        if said and said <= SPLIT_WORDS.keys() and "train" in splits and len(splits) > 1:
            roles.values["split"] = name
            roles.said["split"] = f"its rows say {listed(column.names, 4)}"
            roles.used.add(name)
            return


def _find_id(survey: Survey, roles: Roles) -> None:
    found = [
        name
        for name, column in survey.columns.items()
        if name not in roles.used and _is_id(column, survey.rows)
    ]
    if "id" in survey.columns:
        roles.used.add("id")
    elif found:
        roles.values["id"] = found[0]
        roles.said["id"] = "is copied to the predictions"
        roles.used.add(found[0])
    for name in found:
        if name not in roles.used:
            roles.unused[name] = "a number or code per row"


def _is_id(column: Column, rows: int) -> bool:
    is_named = words.plain(column.name) in words.ID or "id" in words.parts(column.name)
    is_unique = column.labelled > 1 and column.uniqueness >= UNIQUE
    return is_named and is_unique and column.mean(word_count) <= 1


def _find_weight(survey: Survey, roles: Roles) -> None:
    for name, column in survey.columns.items():
        if name in roles.used or words.plain(name) not in words.WEIGHT:
            continue
        if column.all(is_number) and column.numbers[0] >= 0:
            if name != "weight":
                roles.values["weight"] = name
                roles.said["weight"] = "weighs the rows"
            roles.used.add(name)
            return
        if name == "weight":  # which is read as one, unless it is called otherwise
            roles.values["rename"] = {"weight": "weight_column"}
            roles.said["rename"] = "a column `weight` would weigh the rows, but holds other things"
            roles.unused["weight"] = "called like row weights, but holds other things"


def _find_group(survey: Survey, roles: Roles) -> None:
    for name, column in survey.columns.items():
        is_rater = words.is_annotator(name)
        if name in roles.used or not (is_rater or words.plain(name) in words.GROUP):
            continue
        if not column.all(_lists_who if is_rater and column.mean(is_list) else _is_who):
            continue
        if column.uniqueness > 0.9:
            continue
        if is_rater:
            _offer_votes(survey, name, roles)
        elif column.distinct >= FEWEST_GROUPS and "group" not in roles.values:
            roles.values["group"] = name
            roles.said["group"] = "its rows stay on one side of the split"
            roles.unused.pop(name, None)
            roles.used.add(name)


def _is_who(cell: Cell) -> bool:
    return is_integer(cell) or 0 < word_count(cell) <= 3


def _lists_who(cell: Cell) -> bool:
    """Whether a cell lists who gave the labels, as a path into lists of answers does."""
    return isinstance(cell, list) and all(map(_is_who, cell))


def _offer_votes(survey: Survey, rater: str, roles: Roles) -> None:
    """Tells of the rows of several raters, and how those of one text become one row."""
    text = roles.text[0]
    roles.unused[rater] = "who gave the labels; rows of one text stay together anyway"
    if len(roles.text) == 1 and survey.columns[text].uniqueness < MOST_ALONE:
        offer = f"votes_by = {json.dumps(text, ensure_ascii=False)}"
        roles.offers.append((offer, "makes one row of the rows of a text, with shares as labels"))
