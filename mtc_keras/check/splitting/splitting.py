"""One table split into files for training, validation and test, and a config that reads them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mtc_keras.check.splitting.asked import Asked
from mtc_keras.check.splitting.balance import Balance
from mtc_keras.check.splitting.pooling import pooled
from mtc_keras.check.splitting.rows_of_files import places_of
from mtc_keras.check.splitting.telling import split_notes
from mtc_keras.check.splitting.writing import check_parts, files_in, write_parts
from mtc_keras.check.splitting.written_config import toml_of, values_of
from mtc_keras.config import Config, load_config
from mtc_keras.console.log import Log
from mtc_keras.data.dataset import Dataset
from mtc_keras.data.group_splits import connected_groups, split_parts
from mtc_keras.data.groups import NO_GROUP
from mtc_keras.data.leaks import leak_notes
from mtc_keras.data.reading import read_rows, read_splits
from mtc_keras.data.rows import Rows
from mtc_keras.data.sources import Files
from mtc_keras.data.strata import strata_of
from mtc_keras.errors import ConfigError, DataError, plural
from mtc_keras.files import check_folder, folder_written_whole, parents_made, readable_json

SPLIT_JSON = "split.json"
CONFIG = "config.toml"


@dataclass(frozen=True)
class DataSplit:
    """The parts that rows were split into.

    Args:
        directory: the folder that holds them.
        files: the files of each part, as the config names them.
        balance: what each part has of each class of each task.
        notes: lines for people.
        facts: what `split.json` says beside the balance: what was asked, seed and groups.
    """

    directory: Path
    files: Mapping[str, Files]
    balance: Balance
    notes: tuple[str, ...]
    facts: Mapping[str, Any]

    @property
    def config(self) -> Path:
        """The config that trains on the parts."""
        return self.directory / CONFIG

    def to_dict(self) -> dict[str, Any]:
        """Returns what `split.json` holds."""
        return {**self.facts, "files": dict(self.files), **self.balance.to_dict()}

    def show(self, log: Log) -> None:
        """Shows the parts, what they have of each class, and what is to be known of them."""
        for note in self.notes:
            log.line(note)
        log.show(self.balance.table())
        if self.balance.note:
            log.line(self.balance.note)
        log.line(f"the parts are in {self.directory}; train on them with")
        log.line(f"  mtc-keras train --config {self.config}")


def split_config(
    config: Config | str | Path,
    sizes: str,
    directory: str | Path,
    *,
    pool: bool = False,
    near_duplicates: bool = False,
) -> DataSplit:
    """Splits the rows of a config into files of the same format, and writes a config for them.

    Rows are stratified over the classes of all tasks at once, as `data.validation = 0.1` does it.
    Rows of one text, of one group (`data.group`) and of one text by several raters
    (`data.votes_by`) are in one part. Rows keep their order, and in files of lines every byte; one
    without a text goes to training.

    Args:
        config: a `Config`, or the path of a TOML file.
        sizes: shares such as `"0.8,0.1,0.1"`, per cent, or numbers of rows: of train, validation
            and, if there are three, test.
        directory: the new folder.
        pool: bool. Whether rows that belong to a split already are split anew.
        near_duplicates: bool. Whether rows whose texts are nearly the same are in one part, too.

    Returns:
        The `DataSplit`; all of it is in the folder, or there is no folder.

    Raises:
        ConfigError: if there is such a folder, or the rows are not to be split so.
        DataError: if the rows cannot be read, or not be written one by one.
    """
    if not isinstance(config, Config):
        config = load_config(config)
    asked = Asked.of(sizes)
    directory = Path(directory)
    where = f"--out-dir {str(directory)!r}"
    if os.path.lexists(directory):
        raise ConfigError(f"{where} is there already; name another folder")
    check_folder(directory, where)
    together = pooled(config, asked.names, pool)
    dataset = read_splits(together)
    rows = dataset.train
    places = places_of(together, rows.where, config.data.votes_by)
    group = connected_groups(rows.text_keys, rows.groups, NO_GROUP)
    if places.raters is not None:
        group = connected_groups(group.astype("uint64"), places.raters, NO_GROUP)
    near_notes: list[str] = []
    if near_duplicates:
        group = _with_near_texts(rows, group, near_notes)
    counts = asked.sizes(len(rows))
    strata = strata_of(rows, dataset.tasks)
    try:
        parts = split_parts(strata.indicator, group, counts, config.seed)
    except ValueError as error:
        raise DataError(f"--split {sizes!r}: {error}") from None
    balance = Balance.of(strata, parts, asked.names, counts)
    # Rows without a text are not left out here, but go to training.
    read_notes = [note for note in dataset.notes if note != f"{rows.name}: {rows.left_out}"]
    notes = [*read_notes, *near_notes, *split_notes(config, rows, group, places, balance)]
    notes += _leaks(config, asked.names, dataset)
    facts = {"split": sizes, "seed": config.seed, "groups": int(group.max()) + 1}
    facts["sources"] = dataset.files
    try:
        with parents_made(directory), folder_written_whole(directory) as folder:
            written = write_parts(folder, asked.names, parts, places, together)
            check_parts(folder, written, parts, dataset, together)
            files = {name: files_in(directory, found) for name, found in written.items()}
            text = toml_of(values_of(config, files), f"Made by `mtc-keras check --split {sizes}`")
            (folder / CONFIG).write_text(text, encoding="utf-8")
            found = DataSplit(directory, files, balance, tuple(notes), facts)
            (folder / SPLIT_JSON).write_text(readable_json(found.to_dict()), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{where} cannot be written: {error.strerror or error}") from None
    return found


def _with_near_texts(rows: Rows, group: np.ndarray, notes: list[str]) -> np.ndarray:
    """Returns the groups joined by texts that are nearly the same.

    Args:
        rows: N rows.
        group: int of shape `(N,)`, the number of each row's group.
        notes: takes a line on texts that have not been compared with all candidates.
    """
    from mtc_keras.check.near_duplicates import MOST_COMPARED, near_duplicates

    found = near_duplicates(["\n".join(texts) for texts in zip(*rows.texts, strict=True)])
    if found.crowded:
        notes.append(
            f"near duplicates: {plural(found.crowded, 'text')} with over {MOST_COMPARED} "
            "candidates may have more"
        )
    clusters = found.cluster.astype("uint64") + NO_GROUP + np.uint64(1)
    return connected_groups(group.astype("uint64"), clusters, NO_GROUP)


def _leaks(config: Config, names: Sequence[str], dataset: Dataset) -> list[str]:
    """Returns lines for people on texts of a test split that is there and is not split."""
    files = config.data.test
    if files is None or "test" in names:
        return []
    return leak_notes([dataset.train, read_rows(files, dataset.tasks, config.data, "test")])
