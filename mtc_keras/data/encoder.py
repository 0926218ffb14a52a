"""From blocks of cells to the encoded rows of one split."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mtc_keras.config import DataConfig
from mtc_keras.data.blocks import Block
from mtc_keras.data.groups import Groups, Raters
from mtc_keras.data.joining import joined
from mtc_keras.data.labels import Labels
from mtc_keras.data.mistakes import Mistakes
from mtc_keras.data.nearest import nearest
from mtc_keras.data.packed import join, pack
from mtc_keras.data.rows import LeftOut, Rows
from mtc_keras.data.slices import Slices
from mtc_keras.data.split_words import SplitWords
from mtc_keras.data.texts import read_texts, text_faults
from mtc_keras.data.weights import Weights
from mtc_keras.errors import listed, plural
from mtc_keras.tasks import Task

MOST_SHOWN = 3  # rows without a text


class Encoder:
    """Makes the rows of one split from its blocks, of which only one need be in memory.

    A row without a text is left out and counted. One whose text is a list, say, is a mistake,
    unless the rows are only predicted: then it is left out, too.

    Args:
        tasks: all tasks in the config's order, learned or not; none to read texts and ids alone,
            for predictions.
        data: the `[data]` section.
        name: the split's name.
        unlearned: names of tasks whose labels cannot be read and are left out.
        slices: columns by which rows are judged apart.

    Attributes:
        columns: the columns of each source as it names them.
        names: those after renaming, and the paths to values inside of them.
        told: takes lines for people on how the sources are read.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        data: DataConfig,
        name: str,
        unlearned: Collection[str] = (),
        *,
        slices: Sequence[str] = (),
    ) -> None:
        self.data, self.name = data, name
        self.labels = {task.name: Labels(task) for task in tasks if task.name not in unlearned}
        self.columns: dict[str, dict[str, None]] = {}  # by source, before renaming
        self.names: dict[str, dict[str, None]] = {}
        self.told: list[str] = []
        self._is_labelled = bool(tasks)
        self._texts: list[list[Sequence[str]]] = [[] for _ in data.text_columns]
        self._text_mistakes = Mistakes("data.text")
        self._weights = Weights(data.weight, [task.name for task in tasks])
        self._groups = Groups(data.group) if data.group and tasks else None
        self._raters = Raters(data.votes_by) if data.votes_by and tasks else None
        self.slices = Slices(slices)
        used = [*data.text_columns, data.id, data.weight, data.group, data.split, data.votes_by]
        used += slices
        used += [column for task in tasks for column in task.path.names]
        self._used = dict.fromkeys(column for column in used if column)
        self._split_words = SplitWords(name, self._used)
        self._ids: list[Sequence[Any]] = []
        self._where: list[Sequence[str]] = []
        self._left_out = LeftOut()
        self._id_mistakes = Mistakes("data.id")
        self._length = 0

    def add(self, block: Block) -> None:
        """Takes the next rows.

        Args:
            block: what `file_blocks` or `own_blocks` gives, its columns as they were read.
        """
        self.columns.setdefault(block.source, {}).update(dict.fromkeys(block.columns))
        block = block.renamed(self.data.rename)
        self._add_names(block)
        block = self._with_texts(block)
        start, self._length = self._length, self._length + len(block)
        for labels in self.labels.values():
            labels.add(block, start)
        if self._is_labelled:
            self._weights.add(block, start)
            self._split_words.add(block)
        for values in (self._groups, self._raters):
            if values:
                values.add(block, start)
        self.slices.add(block)
        found = read_texts(block, self.data.text_columns)
        for parts, texts in zip(self._texts, found, strict=True):
            parts.append(pack(texts))
        ids = block.pick(self.data.id)
        for row, message in ids.mistakes:
            self._id_mistakes.add(start + row, message)
        self._ids.append(pack(ids.cells))
        self._where.append(pack(block.where))

    def teach(self, tasks: Sequence[Task], unlearned: Collection[str]) -> None:
        """Takes what the training rows taught, where these rows were read beside them.

        Args:
            tasks: all tasks.
            unlearned: names of those whose labels cannot be read and are left out.
        """
        for task in tasks:
            if task.name in unlearned:
                self.labels.pop(task.name, None)
            else:
                self.labels[task.name].task = task

    def _add_names(self, block: Block) -> None:
        """Notes the columns of a source, the paths in its first rows, and those that are used."""
        if block.source not in self.names:
            self.names[block.source] = dict.fromkeys([*block.columns, *block.nested_names()])
        names = self.names[block.source]
        new = (column for column in self._used if column not in names and block.has(column))
        self.names[block.source] |= dict.fromkeys([*block.columns, *new])

    def _has(self, column: str) -> bool:
        return any(column in names for names in self.names.values())

    def _with_texts(self, block: Block) -> Block:
        """Returns the rows that have texts, and those whose mistake is noted."""
        faults = text_faults(block, self.data.text_columns)
        if not faults:
            return block
        left_out = faults.missing if self._is_labelled else faults.all
        kept = [row for row in range(len(block)) if row not in left_out]
        for position, row in enumerate(kept):
            if row in faults.wrong:
                self._text_mistakes.add(self._length + position, faults.wrong[row])
        first = [*self._left_out.first, *(block.where[row] for row in left_out)][:MOST_SHOWN]
        self._left_out = LeftOut(self._left_out.count + len(left_out), tuple(first))
        return block.select(kept)

    @property
    def where(self) -> Sequence[str]:
        """Where each row stands."""
        self._where = [join(self._where)]
        return self._where[0]

    def rename_problem(self) -> str | None:
        """Returns the message on two columns that `data.rename` gives one name."""
        names = list(dict.fromkeys(itertools.chain.from_iterable(self.columns.values())))
        renamed = [self.data.rename.get(name, name) for name in names]
        twice = sorted({name for name in renamed if renamed.count(name) > 1})
        if not twice:
            return None
        return (
            f"data.rename: gives two columns of {self.name} the name {listed(twice)}; "
            "rename or drop the other one"
        )

    def text_problems(self) -> list[str]:
        """Returns a message per source without a text column, or one if no row has a text.

        What else is wrong depends on it, as too few rows, or none, are left.
        """
        columns = self.data.text_columns
        problems = [
            f"{source}: no text column {column!r} (data.text).{nearest(column, known, 'text')}"
            for column in columns
            for source, known in self.renamed_columns().items()
            if column not in known
        ]
        if not self._length and not problems:
            problems.append(
                f"{self.name}: no row has a text in {listed(columns)}, "
                f"first {', '.join(self._left_out.first)}"
            )
        return problems

    def renamed_columns(self) -> Mapping[str, list[str]]:
        """Returns the names by which the columns of each source, and what is in them, are read."""
        found = self.columns if self.rename_problem() else self.names
        return {source: list(names) for source, names in found.items()}

    def rows(self, problems: list[str], unlearned: Collection[str] = ()) -> Rows:
        """Returns the `Rows`; whatever is wrong counts as missing in them.

        Args:
            problems: takes what is wrong, so that one error can report all of it, but for
                the `rename_problem`.
            unlearned: names of tasks that have no classes and are left out.
        """
        if self.rename_problem():  # what else is wrong depends on it
            problems = []
        targets: dict[str, np.ndarray] = {}
        raters: dict[str, np.ndarray] = {}
        told = [*self.told, *self._split_words.notes, *self.slices.notes]
        for name, labels in self.labels.items():
            if name not in unlearned:
                targets[name] = labels.targets()
                counted = labels.raters()
                raters |= {} if counted is None else {name: counted}
                problems += labels.mistakes.report(self.where)
                told += labels.told(self.where)
        weights = None
        if self._is_labelled and self._has(self.data.weight):
            weights = self._weights.by_task()
            problems += self._weights.mistakes.report(self.where)
            told += self._weights.notes
        groups = None
        if self._groups and self._has(self._groups.column):
            groups = self._groups.keys()
            problems += self._groups.mistakes.report(self.where)
            told += self._groups.notes
        problems += [*self.text_problems(), *self._text_mistakes.report(self.where)]
        problems += self._id_mistakes.report(self.where)
        texts = tuple(join(parts) for parts in self._texts)
        ids = join(self._ids) if self._has(self.data.id) else None
        rows = Rows(
            self.name,
            texts,
            targets,
            weights,
            ids,
            self.where,
            left_out=self._left_out,
            groups=groups,
            told=tuple(told),
            slices=self.slices.values(),
            raters=raters,
        )
        rows = self._joined(rows, problems)
        return replace(rows, told=(*rows.told, *self._ties(rows)))

    def _joined(self, rows: Rows, problems: list[str]) -> Rows:
        """Returns a row for all rows of several raters, if the config says which these are."""
        if not self._raters or not len(rows):
            return rows
        column, tasks = self._raters.column, [labels.task for labels in self.labels.values()]
        if column in self.data.text_columns:
            return joined(rows, tasks, rows.text_keys, column, problems)
        if not self._has(column):
            return rows
        problems += self._raters.mistakes.report(self.where)
        rows = replace(rows, told=(*rows.told, *self._raters.notes))
        return joined(rows, tasks, self._raters.keys(), column, problems)

    def _ties(self, rows: Rows) -> list[str]:
        """Returns a line per task of whose shares several are the greatest."""
        notes = []
        for name, targets in rows.targets.items():
            task = self.labels[name].task
            tied = np.flatnonzero(task.tied(targets))
            if len(tied):
                verb = "has" if len(tied) == 1 else "have"
                notes.append(
                    f"tasks.{name}: {plural(len(tied), 'row')} {verb} {task.how_tied}, first "
                    f"{rows.where[tied[0]]}"
                )
        return notes
