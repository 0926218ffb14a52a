"""From what files hold to a plan: the tables of the config, and what is said of them."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtc_keras.data.sources import Files
from mtc_keras.errors import listed
from mtc_keras.init import words
from mtc_keras.init.cells import is_integer, is_nothing, is_number, is_share
from mtc_keras.init.draft import Draft, Plan, Roles
from mtc_keras.init.families import family_tasks
from mtc_keras.init.layouts import found_keys
from mtc_keras.init.roles import find_roles
from mtc_keras.init.singles import NoLabel, single_task
from mtc_keras.init.sizes import model_values, training_values
from mtc_keras.init.splits import files_beside, split_of, stem
from mtc_keras.init.survey import Survey
from mtc_keras.run.directory import unfinished

MOST_MEASURES = 8  # numbered columns of numbers; more are features, as those of an embedding are
FEW_ROWS = 12  # from which nothing can be concluded about pairs of columns


def make_plan(survey: Survey, files: Mapping[str, Files], keys: Mapping[str, Any]) -> Plan:
    """Returns the plan of a config.

    Args:
        survey: what the training files hold.
        files: the files of each split.
        keys: those of `[data]` with which they were read.

    Raises:
        DataError: if no column holds texts, or none labels.
    """
    text = keys.get("text", [])
    roles = find_roles(survey, [text] if isinstance(text, str) else list(text))
    roles.values |= {name: value for name, value in keys.items() if name != "text"}
    drafts = _find_tasks(survey, roles)
    for key, value in found_keys(survey.notes).items():
        roles.offers.append((f'{key} = "{value}"', "as the file shows; the key keeps it so"))
    if any(name.startswith(words.UNNAMED) for name in keys.get("header", ())):
        roles.unsure.append("the first row looks like data; change the names in `header` at will")
        _call_label(roles, drafts)
    plan = Plan(survey.files, survey.rows, roles, drafts)
    plan.check()
    _add_files(plan, files)
    texts = [
        [cell for cell in survey.compared[name] if isinstance(cell, str)] for name in roles.text
    ]
    length = min(map(len, texts))
    model, said, unsure = model_values([column[:length] for column in texts])
    roles.unsure += [unsure] if unsure else []
    plan.said |= {("model", key): comment for key, comment in said.items()}
    plan.said["training", "epochs"] = f"for {survey.rows:,} rows"
    plan.tables = {
        "model": model,
        "training": training_values(survey.rows),
        "output": {"directory": _free_directory(stem(survey.files[0]))},
    }
    return plan


def _add_files(plan: Plan, given: Mapping[str, Files]) -> None:
    """Puts the files of the splits and the text column into `[data]`."""
    files = dict(given)
    beside = {} if "split" in plan.roles.values else files_beside(files["train"])
    for split, found in beside.items():
        if split not in files:
            files[split] = found
            plan.said["data", split] = "lies beside it"
    if split_of(plan.files[0]) in ("validation", "test"):
        plan.roles.unsure.append(f"{plan.files[0]} is trained on, whatever its name says")
    text = plan.roles.text[0] if len(plan.roles.text) == 1 else plan.roles.text
    plan.roles.values = {**files, "text": text, **plan.roles.values}


def _find_tasks(survey: Survey, roles: Roles) -> list[Draft]:
    """Returns the tasks; why other columns are none goes into `roles.unused`."""
    unnamed = [name for name in survey.columns if not name.strip() and name not in roles.used]
    roles.unused |= dict.fromkeys(unnamed, "has no name")
    names = [name for name in survey.columns if name not in roles.used and name not in roles.unused]
    measures = _measures(survey, names)
    roles.unused |= dict.fromkeys(measures, "numbers in many numbered columns, as features are")
    names = [name for name in names if name not in measures]
    aside = [name for name in names if words.is_aside(name)]
    drafts = _tasks_of(survey, [name for name in names if name not in aside], roles)
    others = _tasks_of(survey, aside, roles)
    if not drafts:
        for draft in others:
            draft.unsure.append(f"the name of {draft.name!r} tells something else than a label")
        return others
    for draft in others:
        why = (
            f"by its name no label; [tasks.{draft.name}] kind = {json.dumps(draft.values['kind'])}"
        )
        roles.unused |= dict.fromkeys(draft.columns, f"{why} would learn it")
    return _without_twins(survey, drafts, roles)


def _tasks_of(survey: Survey, names: Sequence[str], roles: Roles) -> list[Draft]:
    drafts = family_tasks(survey, names, [])
    in_families = {name for draft in drafts for name in draft.columns}
    parents: set[str] = set()
    for name in names:
        if name in in_families or name.partition("[].")[0] in parents:
            continue
        try:
            draft = single_task(survey.columns[name])
        except NoLabel as no_label:
            roles.unused[name] = str(no_label)
            continue
        parents.add(name)
        draft.name = _task_name(survey, name, [other.name for other in drafts])
        if draft.name != name and "column" not in draft.values:
            draft.values = {"kind": draft.values.pop("kind"), "column": name, **draft.values}
        drafts.append(draft)
    place = {name: at for at, name in enumerate(survey.columns)}
    return sorted(drafts, key=lambda draft: place[draft.columns[0]])


def _measures(survey: Survey, names: Sequence[str]) -> list[str]:
    """Returns columns of decimals that are many of one name and a number each."""
    by_stem: dict[str, list[str]] = {}
    for name in names:
        column = survey.columns[name]
        has_decimals = column.mean(is_number) == 1 and not column.all(is_integer)
        if name[-1:].isdigit() and has_decimals and not column.all(is_share):
            by_stem.setdefault(words.stem_of(name), []).append(name)
    return [name for group in by_stem.values() if len(group) > MOST_MEASURES for name in group]


def _call_label(roles: Roles, drafts: list[Draft]) -> None:
    """Calls the only column of labels of a file without a header so."""
    header = roles.values["header"]
    [draft, *others] = drafts or [Draft("", [], {})]
    is_unnamed = draft.columns == [draft.name] and draft.name.startswith(words.UNNAMED)
    if others or not is_unnamed or "label" in header:
        return
    roles.values["header"] = ["label" if name == draft.name else name for name in header]
    draft.name, draft.columns = "label", ["label"]


def _task_name(survey: Survey, column: str, taken: Sequence[str]) -> str:
    """Returns the name of a column's task: of a path the last part, if no other one ends so."""
    last = column.rpartition(".")[2]
    ends = [name for name in survey.columns if name.rpartition(".")[2] == last]
    return words.task_name(last if len(ends) == 1 else column, taken)


def _without_twins(survey: Survey, drafts: list[Draft], roles: Roles) -> list[Draft]:
    """Leaves out classes that only number those of another column, as `label` and `label_text`."""
    kept = list(drafts)
    for draft in drafts:
        for other in kept:
            if other is not draft and draft in kept and _numbers(survey, draft, other):
                kept.remove(draft)
                why = f"says the same as {other.columns[0]!r}, by numbers"
                roles.unused[draft.columns[0]] = why
    return kept


def _numbers(survey: Survey, draft: Draft, other: Draft) -> bool:
    """Whether a task's classes are numbers, one for each name of another one's."""
    if {draft.values["kind"], other.values["kind"]} - {"multiclass", "ordinal"}:
        return False
    if len(draft.columns) > 1 or len(other.columns) > 1:
        return False
    number, name = survey.columns[draft.columns[0]], survey.columns[other.columns[0]]
    if not number.numbers or name.numbers or number.distinct != name.distinct:
        return False
    rows = [
        row for row in survey.rows_of([number.name, name.name]) if not all(map(is_nothing, row))
    ]
    pairs = {tuple(map(str, row)) for row in rows}
    return len(rows) >= FEW_ROWS and len(pairs) == number.distinct


def _free_directory(name: str) -> str:
    """Returns an output directory that no run is in."""
    found, number = f"runs/{name}", 2
    while os.path.lexists(found) or unfinished(Path(found)).exists():
        found, number = f"runs/{name}_{number}", number + 1
    return found


def unused_lines(roles: Roles) -> list[str]:
    """Returns a line per reason for columns that are not used."""
    by_reason: dict[str, list[str]] = {}
    for name, why in roles.unused.items():
        by_reason.setdefault(why, []).append(name)
    return [f"not used: {listed(names)}: {why}" for why, names in by_reason.items()]
