"""A plan read by the package's own reading, and mended until it trains as it stands."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mtc_keras.config import Config, check_config
from mtc_keras.data.dataset import Dataset
from mtc_keras.data.reading import read_splits
from mtc_keras.data.sources import Files, named
from mtc_keras.errors import DataError, UserError
from mtc_keras.init.draft import Draft, Plan
from mtc_keras.tasks import kind_named

SHARES = (0.1, 0.2, 0.3, 0.5)
FEW_ROWS = 200  # of which a tenth would judge little
NEEDED = 0.5  # of the rows asked for, if groups must stay together
OPTIONAL = ("id", "weight", "group", "split")
_TASK = re.compile(r"tasks\.([a-z][a-z0-9_]*)[.:]")


def settle(plan: Plan) -> tuple[Config, Dataset]:
    """Returns the config of a plan and what it reads; the plan is changed where it cannot be read.

    Raises:
        DataError: if nothing is left that can be trained.
    """
    data = plan.roles.values
    held_out = {name: data[name] for name in ("validation", "test") if name in data}
    try:  # nearly always right, and large files take a while
        return _read(plan) if _has_validation(data) else _split_off(plan, _shares(plan)[:1])
    except UserError:
        for name in ("validation", "test"):
            data.pop(name, None)
    _mend_tasks(plan)
    for name, files in held_out.items():
        _add_files(plan, name, files)
    return _read(plan) if _has_validation(data) else _split_off(plan, _shares(plan))


def _shares(plan: Plan) -> Sequence[float]:
    return SHARES if plan.rows > FEW_ROWS else SHARES[1:]


def _has_validation(data: Mapping[str, Any]) -> bool:
    return "validation" in data or "split" in data


def _read(plan: Plan) -> tuple[Config, Dataset]:
    config = check_config(plan.values(), "the config that was made")
    return config, read_splits(config)


def _mend_tasks(plan: Plan) -> None:
    """Leaves out the tasks that cannot be read."""
    while True:
        try:
            _read(plan)
            return
        except UserError as error:
            wrong = _named(plan, error)
            if not wrong and not _without_key(plan, error):
                raise
            for draft, why in wrong:
                plan.leave_out(draft, why)


def _without_key(plan: Plan, error: UserError) -> bool:
    """Takes out a key of `[data]` that an error names and that need not be there."""
    for key in OPTIONAL:
        for problem in error.problems:
            if f"data.{key}" in problem and key in plan.roles.values:
                plan.roles.unused[plan.roles.values.pop(key)] = problem
                return True
    return False


def _add_files(plan: Plan, name: str, files: Files) -> None:
    """Adds the files of a split, if they have labels that training knows."""
    data = plan.roles.values
    data[name] = files
    for _ in range(2):
        try:
            _read(plan)
            return
        except UserError as error:
            problem = (error.problems or [error.headline])[0]
            if not [d for d, why in _named(plan, error) if _ignores_unknown(d, why)]:
                break
    del data[name]
    plan.roles.unsure.append(f"{', '.join(named(files))} is not used as {name}: {problem}")


def _split_off(plan: Plan, shares: Sequence[float]) -> tuple[Config, Dataset]:
    """Splits off the smallest of some shares of the rows that has labels for every task.

    Raises:
        DataError: if there is only one, and it has not.
    """
    data = plan.roles.values
    for share in shares:
        data["validation"] = share
        try:
            config, dataset = _read(plan)
        except DataError:
            if share == shares[0] == shares[-1]:
                raise
            continue
        found = len(dataset.validation or ())
        if "group" in data and found < NEEDED * share * plan.rows:
            break
        plan.said["data", "validation"] = f"this share of the rows, {found:,}, is split off"
        return config, dataset
    del data["validation"]
    if "group" in data:
        group = data.pop("group")
        plan.roles.unused[group] = "its groups are too large to split off a validation"
        return _split_off(plan, shares)
    plan.roles.unsure.append("too few rows to split off a validation: the last epoch is kept")
    return _read(plan)


def _named(plan: Plan, error: UserError) -> list[tuple[Draft, str]]:
    """Returns the tasks that an error names, each with the first thing that is wrong with it."""
    found: dict[str, str] = {}
    for problem in error.problems:
        for name in _TASK.findall(problem)[:1]:
            found.setdefault(name, problem)
    return [(draft, found[draft.name]) for draft in plan.drafts if draft.name in found]


def _ignores_unknown(draft: Draft, why: str) -> bool:
    """Has a task ignore classes that training does not know, if it can and does not yet."""
    kind = kind_named(draft.values["kind"])
    if (
        kind is None
        or "unknown_classes" not in kind.model_fields
        or "unknown_classes" in draft.values
    ):
        return False
    draft.values["unknown_classes"] = "ignore"
    draft.unsure.append(f"labels that training does not know are ignored ({why})")
    return True
