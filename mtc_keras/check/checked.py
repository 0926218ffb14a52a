"""What each part of a check looks at: the config, the rows as training reads them, tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mtc_keras.config import Config
from mtc_keras.data.dataset import Dataset
from mtc_keras.data.leaks import leak_notes
from mtc_keras.data.rows import Rows
from mtc_keras.tasks import Task

if TYPE_CHECKING:
    import keras_hub

    from mtc_keras.data.long_texts import AnyTokens
    from mtc_keras.model.backbones.loading import LoadedBackbone


@dataclass(frozen=True, eq=False)
class Checked:
    """The data of a config, read as training reads them.

    Args:
        config: the `Config`.
        dataset: the encoded splits, their tasks learned.
        texts: bool. Whether texts may be shown, on the page and in the tables beside it.
    """

    config: Config
    dataset: Dataset
    texts: bool = True

    @property
    def tasks(self) -> list[Task]:
        """The tasks in the config's order."""
        return self.dataset.tasks

    @cached_property
    def splits(self) -> dict[str, Rows]:
        """The rows of each split that there is, those that are trained first."""
        dataset = self.dataset
        found = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
        return {name: rows for name, rows in found.items() if rows is not None}

    @cached_property
    def notes(self) -> list[str]:
        """What is told of how the files were read; shared texts are problems of a check's own."""
        told = leak_notes(list(self.splits.values()))
        return [note for note in self.dataset.notes if note not in told]

    @cached_property
    def indicators(self) -> Mapping[str, Mapping[str, np.ndarray]]:
        """By split and task that has classes, bool of shape `(N, C)`: which a row carries.

        A class that is not known of a row is not carried; `Task.known_cells` tells the two apart.
        """
        return {
            name: {
                task.name: task.class_indicator(rows.targets[task.name])
                for task in self.tasks
                if task.has_classes
            }
            for name, rows in self.splits.items()
        }

    @cached_property
    def backbone(self) -> "LoadedBackbone":
        """The config's backbone with its weights, and its preprocessor; loaded when asked for."""
        return self._load(load_weights=True)

    @property
    def preprocessor(self) -> "keras_hub.models.TextClassifierPreprocessor":
        """What makes tokens of texts; the backbone's weights are not read for it."""
        return self._reader.preprocessor

    @cached_property
    def most_tokens(self) -> int | None:
        """The most tokens that the backbone reads at once; `None` where it has no limit."""
        from mtc_keras.model.backbones.layers import length_limit

        return length_limit(self._reader.backbone)

    @cached_property
    def tokens(self) -> "Mapping[str, AnyTokens]":
        """The tokens of each split's texts, from the cache that training uses, too."""
        return {name: self.tokens_of(rows.texts) for name, rows in self.splits.items()}

    def tokens_of(self, texts: Sequence[Sequence[str]]) -> "AnyTokens":
        """Returns the tokens of columns of texts, from the cache that training uses, too."""
        from mtc_keras.data.token_cache import cached_tokens
        from mtc_keras.devices import process
        from mtc_keras.tokenization.prefix import prefixed

        model = self.config.model
        directory = process.cache_directory() / "tokens" if self.config.data.cache else None
        read = prefixed(texts, model.prefix)
        return cached_tokens(self.preprocessor, read, directory, model.long_texts, self._overlap)

    @cached_property
    def lengths(self) -> Mapping[str, np.ndarray]:
        """By split, int64 of shape `(N,)`: tokens of whole texts, special ones counted.

        Of a text of more than `max_length` they are all that it has, not those that are read.
        """
        from mtc_keras.data.long_texts import text_lengths
        from mtc_keras.tokenization.prefix import prefixed

        prefix = self.config.model.prefix
        return {
            name: text_lengths(
                self.preprocessor, prefixed(rows.texts, prefix), self.tokens[name], self._overlap
            )
            for name, rows in self.splits.items()
        }

    @property
    def _overlap(self) -> int:
        model = self.config.model
        if model.long_texts != "windows":
            return 0
        return model.max_length // 4 if model.window_overlap is None else model.window_overlap

    @cached_property
    def _reader(self) -> "LoadedBackbone":
        if "backbone" in self.__dict__:
            return self.backbone
        return self._load(load_weights=False)

    def _load(self, load_weights: bool) -> "LoadedBackbone":
        from mtc_keras.devices.startup import start

        start()
        from mtc_keras.model.backbones.loading import load_backbone
        from mtc_keras.model.building import learned_texts

        texts = learned_texts(self.config, self.dataset)
        return load_backbone(self.config.model, texts, load_weights=load_weights)
