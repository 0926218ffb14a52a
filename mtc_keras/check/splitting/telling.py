"""What people are told of a split, beside the shares of its classes."""

from collections.abc import Sequence

import numpy as np

from mtc_keras.check.splitting.balance import Balance
from mtc_keras.check.splitting.rows_of_files import IGNORED, NO_TEXT, Places
from mtc_keras.config import Config
from mtc_keras.data.rows import Rows
from mtc_keras.errors import plural


def split_notes(
    config: Config, rows: Rows, group: np.ndarray, places: Places, balance: Balance
) -> list[str]:
    """Returns lines for people on what a split does with some rows.

    Args:
        config: whose rows are split.
        rows: the N rows.
        group: int of shape `(N,)`, from 0: the group in which each row stays.
        places: where all rows stand.
        balance: what each part has.
    """
    return [
        *_on_groups(group, balance),
        *_on_places(places, rows.left_out.first),
        *_on_classes(balance),
        *(
            ["data.limit: all rows are split; it stays in the new config"]
            if config.data.limit is not None
            else []
        ),
    ]


def _on_groups(group: np.ndarray, balance: Balance) -> list[str]:
    notes = []
    sizes = np.bincount(group)
    several = sizes[sizes > 1]
    if len(several):
        notes.append(
            f"{several.sum():,} rows stay together in {plural(len(several), 'group')}, the "
            f"greatest of {several.max():,} rows"
        )
    for name, asked, size in zip(balance.names, balance.asked, balance.sizes, strict=True):
        if asked != size:
            notes.append(f"{name}: {size:,} rows, not the {asked:,} asked for, as groups allow it")
    return notes


def _on_places(places: Places, without_text: Sequence[str]) -> list[str]:
    notes = []
    if count := places.count(NO_TEXT):
        goes = "goes" if count == 1 else "go"
        found = f"{plural(count, 'row')} without a text {goes} to train"
        notes.append(f"{found}, first {', '.join(without_text[:1])}")
    if count := places.count(IGNORED):
        verb = "is" if count == 1 else "are"
        notes.append(f"data.split: {plural(count, 'row')} of no split {verb} in no part")
    return notes


def _on_classes(balance: Balance) -> list[str]:
    notes = []
    if alone := balance.in_train_alone:
        verb = "is" if len(alone) == 1 else "are"
        notes.append(
            f"{plural(len(alone), 'class')} {verb} in train alone, the rarest {alone[0].name!r} of "
            f"{plural(alone[0].rows, 'row')}"
        )
    notes += [
        f"tasks.{stratum.task}: no row of {name} has a label; training needs at least one"
        for stratum in balance.strata
        for name, got in zip(balance.names[:2], stratum.got, strict=False)
        if stratum.label is None and not got
    ]
    return notes
