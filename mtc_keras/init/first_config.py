"""The first config of a table, made without asking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtc_keras.config import Config
from mtc_keras.data.sources import expand
from mtc_keras.init.layouts import survey_laid_out
from mtc_keras.init.planning import make_plan, unused_lines
from mtc_keras.init.settling import settle
from mtc_keras.init.splits import given_splits
from mtc_keras.init.writing import toml_text
from mtc_keras.run.rows import with_names


@dataclass(frozen=True)
class FirstConfig:
    """A config that trains as it stands.

    Args:
        text: str. TOML with comments.
        config: the `Config` that it holds.
        notes: lines on what is not sure, which columns are not used, and how the files are read.
    """

    text: str
    config: Config
    notes: tuple[str, ...] = ()


def init_config(
    files: str | Path | Sequence[str | Path] | Mapping[str, str | Path],
    *,
    rows: bool = True,
    out: str = "config.toml",
    reading: Mapping[str, Any] | None = None,
) -> FirstConfig:
    """Makes a config from files of texts and labels.

    All rows are read, twice: to see what the columns hold, and by the config itself, so that it
    trains. Of a column 20,000 different cells are counted, and of 5,000 rows the columns are
    compared with each other. A million short rows take about half a minute.

    Args:
        files: a path, a glob, or a list of them; or the paths of parallel files by column, such as
            `{"text": "train_text.txt", "mood": "train_labels.txt"}`. Files whose names say
            validation or test are read as such; others of the same name beside `train.csv` are
            found.
        rows: bool. Whether the text shows three rows, cut at 60 characters.
        out: str. What the file will be called, for the command that it shows.
        reading: keys of `[data]` that say how the files are read, where that cannot be seen, such
            as `{"text": "body", "delimiter": "^"}`; they stand in the config.

    Returns:
        The `FirstConfig`.

    Raises:
        ConfigError: if a key of `reading` says something else.
        DataError: if the files cannot be read, or no column holds texts, or labels that recur.

    Example:

    ```python
    first = mtc_keras.init_config("configs/data/public_services/train.jsonl", rows=False)
    first.config.tasks["emotions"].kind  # "multilabel"
    ```
    """
    source = with_names(files)
    if not isinstance(source, dict):
        source = expand(source)
    splits = given_splits(source)
    survey, keys = survey_laid_out(splits["train"], reading or {})
    plan = make_plan(survey, splits, keys)
    config, dataset = settle(plan)
    unsure = [f"unsure: {line}" for line in plan.roles.unsure]
    unsure += [f"unsure: tasks.{d.name}: {line}" for d in plan.drafts for line in d.unsure]
    notes = (*unsure, *unused_lines(plan.roles), *dataset.notes)
    return FirstConfig(toml_text(plan, dataset, out, rows), config, notes)
