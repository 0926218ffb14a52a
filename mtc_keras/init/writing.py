"""A plan as the text of a config file, with what is said of its values as comments."""

import re
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

import tomli_w

from mtc_keras.data.dataset import Dataset
from mtc_keras.data.split_column import SPLITS
from mtc_keras.errors import legible
from mtc_keras.files import json_line
from mtc_keras.init.draft import Plan
from mtc_keras.init.planning import unused_lines
from mtc_keras.tasks.predictions import target_columns

WIDTH = 96
MOST_SHOWN = 60  # characters of a text or a label
ROWS = 3


def toml_text(plan: Plan, dataset: Dataset, out: str, rows: bool) -> str:
    """Returns the text of a config.

    Args:
        plan: the plan.
        dataset: what it reads.
        out: the name of the file that it will be, for the command that trains it.
        rows: bool. Whether three rows are shown.
    """
    files = ", ".join(plan.files)
    lines = [*comment(f"Made by `mtc-keras init` from {files}: {plan.rows:,} rows. Train it with")]
    lines += [f"#   mtc-keras train --config {_one_line(out)}", "#"]
    if rows:
        lines += ["# Rows as they are read, with the label of each task:"]
        lines += [_one_line(f"# {line}") for line in shown_rows(dataset, plan.files)]
    for line in [*(f"unsure: {line}" for line in plan.roles.unsure), *unused_lines(plan.roles)]:
        lines += comment(line)
    lines += _table("data", _in_order(plan.roles.values), _said(plan, "data", plan.roles.said))
    lines += [line for given, what in plan.roles.offers for line in comment(f"{given}  # {what}")]
    for draft in plan.drafts:
        above = [*draft.said, *(f"unsure: {line}" for line in draft.unsure)]
        lines += ["", *(line for text in above for line in comment(text))]
        lines += _table(f"tasks.{draft.name}", draft.values, {})[1:]
    for name, values in plan.tables.items():
        lines += _table(name, values, _said(plan, name, {}))
    return "\n".join(lines) + "\n"


def comment(text: str) -> list[str]:
    """Returns the lines of a comment."""
    first, *others = wrap(
        _one_line(text), WIDTH, break_long_words=False, break_on_hyphens=False
    ) or [""]
    return [f"# {first}", *(f"#   {line}" for line in others)]


def shown_rows(dataset: Dataset, paths: Sequence[str]) -> Iterator[str]:
    """Yields the first rows of the first file: where each stands, its text, its labels."""
    splits = [dataset.train, *([dataset.validation] if dataset.validation else [])]
    first = [(split, row) for split in splits for row in range(min(ROWS, len(split)))]
    of_file = ([f for f in first if f[0].where[f[1]].startswith(path)] for path in paths)
    places = [
        (_number(split.where[row]), split, row) for split, row in next(filter(None, of_file), [])
    ]
    for _, split, row in sorted(places, key=lambda place: place[0])[:ROWS]:
        texts = "  ".join(f'text "{_cut(column[row])}"' for column in split.texts)
        yield f"row {split.where[row]}  {texts}"
        labels = target_columns(dataset.tasks, {t: y[[row]] for t, y in split.targets.items()})
        for task in dataset.tasks:
            name = f"target_{task.name}"
            [label] = labels.get(f"{name}_shares", labels[name])
            yield f"    {task.name} → {_cut(json_line(label))}"


def _number(where: str) -> int:
    """Returns the number in `train.csv:17` or `train.json:row 17`."""
    digits = re.search(r"\d+$", where)
    return int(digits[0]) if digits else 0


def _in_order(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the keys of `[data]`, those of files first."""
    files = {name: values[name] for name in SPLITS if name in values}
    return {**files, **values}


def _said(plan: Plan, table: str, more: Mapping[str, str]) -> dict[str, str]:
    return {**more, **{key: text for (name, key), text in plan.said.items() if name == table}}


def _table(name: str, values: Mapping[str, Any], said: Mapping[str, str]) -> list[str]:
    lines = ["", f"[{name}]"]
    for key, value in values.items():
        line = f"{key} = {toml_value(value)}"
        if not (about := said.get(key)):
            lines.append(line)
        elif len(line) + len(about) + 4 <= WIDTH:
            lines.append(f"{line}  # {_one_line(about)}")
        else:
            lines += [*comment(about), line]
    return lines


def toml_value(value: Any) -> str:
    """Returns a value as TOML, on one line if it is short."""
    if isinstance(value, dict):
        pairs = (f"{_key(key)} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list):
        items = [toml_value(item) for item in value]
        if sum(map(len, items)) + 2 * len(items) < WIDTH:
            return f"[{', '.join(items)}]"
        return "\n".join(["[", *_filled(items), "]"])
    written = tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n")
    return written.replace("\t", "\\t")  # which nobody sees as it is


def _filled(items: Sequence[str]) -> Iterator[str]:
    """Yields lines of items, each as full as may be."""
    line = "   "
    for item in items:
        if len(line) + len(item) + 2 > WIDTH and line.strip():
            yield line
            line = "   "
        line += f" {item},"
    yield line


def _key(key: str) -> str:
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")


def _cut(text: str) -> str:
    text = _one_line(text)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"


def _one_line(text: str) -> str:
    """Returns text that may stand in a comment: on one line, and nothing unseen in it."""
    return legible(" ".join(text.split("\n")))
