"""Columns that belong together: one per class, per tag or per annotator."""

from collections import Counter
from collections.abc import Iterable, Sequence

from mtc_keras.init import words
from mtc_keras.init.cells import (
    flag_spelling,
    is_flag,
    is_integer,
    is_nothing,
    is_number,
    is_share,
    is_words,
)
from mtc_keras.init.draft import Draft
from mtc_keras.init.singles import MOST_CLASSES, blank_lines, classes_of, short
from mtc_keras.init.survey import Survey
from mtc_keras.tasks.columns import Cell
from mtc_keras.tasks.spelling import class_key, number_of

NEARLY_ALL = 0.98


def family_tasks(survey: Survey, names: Sequence[str], taken: Sequence[str]) -> list[Draft]:
    """Returns the tasks that read several columns at once.

    Args:
        survey: what the files hold.
        names: columns that may hold labels.
        taken: names of tasks that there are.
    """
    left = list(names)
    found: list[Draft] = []
    for make in (_votes, _tags, _shares, _flags):
        for draft in make(survey, left):
            draft.name = words.task_name(draft.name, [*taken, *(other.name for other in found)])
            found.append(draft)
            left = [name for name in left if name not in draft.columns]
    return found


def _votes(survey: Survey, names: Sequence[str]) -> list[Draft]:
    """Returns a task for columns of several annotators' answers to one question."""
    drafts = []
    for stem, members in _numbered(survey, names).items():
        named = bool(words.parts(stem) & words.ANNOTATOR)
        if words.parts(stem) & words.QUESTION:
            continue  # of a survey, of which each has an answer of its own
        if not (named or _repeat_each_other(survey, members)):
            continue
        answers = _answers(survey, members)
        if not 2 <= len(answers) <= MOST_CLASSES or not _share_answers(survey, members):
            continue
        values: dict[str, object] = {"kind": "multiclass", "column": members, "labels": "votes"}
        draft = Draft(stem if named and stem not in words.ANNOTATOR else "label", members, values)
        if order := _order(answers):
            values |= {"kind": "ordinal", "classes": order}
        draft.said.append(f"{len(members)} annotators' answers, {short(sorted(answers))}")
        draft.unsure.append(
            f"columns {short(members)} are read as the votes of annotators about one label"
        )
        drafts.append(draft)
    return drafts


def _order(answers: Iterable[str]) -> list[str] | None:
    names = list(answers)
    if len(names) > 2 and all(map(is_integer, names)):
        numbers = sorted(int(number_of(name)) for name in names)
        low, high = numbers[0], numbers[-1]
        if low in (0, 1) and high <= 10:
            return [str(number) for number in range(low, high + 1)]
        return None
    return words.known_order(names)


def _tags(survey: Survey, names: Sequence[str]) -> list[Draft]:
    """Returns a task for columns such as `tag_1`, `tag_2`, of which each holds one name."""
    drafts = []
    for stem, members in _numbered(survey, names).items():
        answers = _answers(survey, members)
        rows = _said_in_rows(survey, members)
        if not (2 <= len(answers) <= MOST_CLASSES and any(len(row) < len(members) for row in rows)):
            continue
        if not all(survey.columns[name].mean(is_words) > 0.5 for name in members):
            continue
        draft = Draft(stem, members, {"kind": "multilabel", "column": members})
        draft.said.append(f"a name in each of {len(members)} columns, {short(sorted(answers))}")
        if blank := sum(not row for row in rows):
            draft.unsure.append(blank_lines(blank, len(rows) - blank))
        drafts.append(draft)
    return drafts


def _shares(survey: Survey, names: Sequence[str]) -> list[Draft]:
    """Returns a task for columns of numbers from 0 to 1, one per class."""
    members = [
        name
        for name in names
        if survey.columns[name].all(is_share)
        and not survey.columns[name].all(is_flag)
        and not words.is_aside(name)
    ]
    if len(members) < 2:
        return []
    rows = [row for row in survey.rows_of(members) if all(map(is_number, row))]
    sums = [abs(sum(map(number_of, row)) - 1) < 0.02 for row in rows]
    values: dict[str, object] = {"column": members, "labels": "probabilities"}
    if rows and sum(sums) >= NEARLY_ALL * len(sums):
        draft = Draft("label", members, {"kind": "multiclass", **values})
        draft.said.append("a number from 0 to 1 per class; those of a row sum to 1")
        return [draft]
    if len(members) < 3:
        return []
    draft = Draft("labels", members, {"kind": "multilabel", **values})
    draft.unsure.append(
        f"columns {short(members)} hold numbers from 0 to 1, which are read as probabilities"
    )
    return [draft]


def _flags(survey: Survey, names: Sequence[str]) -> list[Draft]:
    """Returns a task for columns that say yes or no, one per class."""
    by_spelling: dict[str, list[str]] = {}
    for name in names:
        column = survey.columns[name]
        spellings = {flag_spelling(cell) for cell, _ in column.looked_at}
        if len(spellings) == 1 and (spelling := spellings.pop()) and not _is_about_row(name):
            by_spelling.setdefault(spelling, []).append(name)
    drafts = []
    for members in by_spelling.values():
        if len(members) < 2:
            continue
        stems = {words.plain(name).rpartition("_")[0] for name in members}
        name = stems.pop() if len(stems) == 1 else ""
        draft = Draft(name or "labels", members, {"kind": "multilabel", "column": members})
        rows = survey.rows_of(members)
        known = [row for row in rows if not any(map(is_nothing, row))]
        ones = {sum(is_number(cell) and number_of(cell) == 1 for cell in row) for row in known}
        if ones == {1} and len(known) >= NEARLY_ALL * len(rows) and len(members) > 2:
            draft.values["kind"] = "multiclass"
            draft.unsure.append(f"each row has one 1 in columns {short(members)}: one label a row")
        draft.said.append(f"{len(members)} columns that say yes or no")
        drafts.append(draft)
    return drafts


def _is_about_row(name: str) -> bool:
    return words.plain(name).startswith(("is_", "has_", "was_")) or words.is_aside(name)


def _numbered(survey: Survey, names: Sequence[str]) -> dict[str, list[str]]:
    """Returns columns of few different cells by what their names have in common."""
    found: dict[str, list[str]] = {}
    for name in names:
        column = survey.columns[name]
        if (stem := words.stem_of(name)) and column.known and classes_of(column):
            found.setdefault(stem, []).append(name)
    return {stem: members for stem, members in found.items() if len(members) > 1}


def _said_in_rows(survey: Survey, members: Sequence[str]) -> list[list[Cell]]:
    """Returns for each compared row its cells of some columns that say something."""
    return [[cell for cell in row if not is_nothing(cell)] for row in survey.rows_of(members)]


def _answers(survey: Survey, members: Sequence[str]) -> set[str]:
    return {class_key(cell) for name in members for cell in classes_of(survey.columns[name])}


def _share_answers(survey: Survey, members: Sequence[str]) -> bool:
    """Whether columns hold the same names, unlike those of a rater's number and age."""
    sets = [_answers(survey, [name]) for name in members]
    shared = Counter(name for answers in sets for name in answers)
    return sum(count > 1 for count in shared.values()) >= len(shared) / 2


def _repeat_each_other(survey: Survey, members: Sequence[str]) -> bool:
    """Whether the columns of a row often hold the same name, as no set of tags does."""
    if any(survey.columns[name].mean(is_words) < 0.5 for name in members):
        return False  # numbers repeat each other, whatever they are
    several = [row for row in _said_in_rows(survey, members) if len(row) > 1]
    equal = [row for row in several if len(set(map(str, row))) < len(row)]
    return bool(several) and len(equal) > len(several) / 3
