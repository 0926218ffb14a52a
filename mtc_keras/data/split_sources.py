"""Where the rows of each split come from: files, a user's own rows, or a reader's."""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mtc_keras.config import DataConfig
from mtc_keras.data.blocks import Block
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.sources import Files, OwnRows, file_blocks, own_blocks
from mtc_keras.data.split_column import SPLITS
from mtc_keras.errors import ConfigError, DataError, did_you_mean
from mtc_keras.tasks import Task


@dataclass(frozen=True)
class SplitSource:
    """Where the rows of one split come from.

    Args:
        key: in the config, for messages.
        blocks: reads them, and adds what is to be told of them to the list `notes`; `None` if
            there turns out to be no such split.
        files: the files, if it is files.
    """

    key: str
    blocks: Callable[..., Iterator[Block] | None]
    files: Files | None = None


def split_sources(
    data: DataConfig, tasks: Sequence[Task], own: Mapping[str, OwnRows]
) -> dict[str, SplitSource]:
    """Returns the source of each split; none is read yet.

    Args:
        data: the `[data]` section.
        tasks: the tasks, whose columns are looked for.
        own: rows by split that take the place of files.

    Raises:
        ConfigError: if there is none for training, or the reader cannot be imported.
    """
    reader = import_reader(data.reader) if data.reader else None
    if data.train is None and reader is None and own.get("train") is None:
        raise ConfigError(
            "data.train: is required: name a file, a glob, a list of them, or give data.reader"
        )
    layout = Layout.of(data, tasks)
    sources: dict[str, SplitSource] = {}
    for name in SPLITS:
        files, rows = getattr(data, name), own.get(name)
        key = f"data.{name}: "
        if rows is not None:
            sources[name] = SplitSource(key, partial(own_blocks, rows, name))
        elif isinstance(files, (str, list, dict)):
            sources[name] = SplitSource(key, partial(file_blocks, files, layout=layout), files)
        elif reader is not None and files is None:  # a number splits off validation
            key = f"data.reader {data.reader!r}: "
            sources[name] = SplitSource(key, partial(_reader_blocks, reader, name))
    return sources


def _reader_blocks(
    reader: Callable[[str], OwnRows | None], name: str, *, notes: list[str]
) -> Iterator[Block] | None:
    rows = reader(name)
    if rows is not None:
        return own_blocks(rows, name, notes=notes)
    if name == "train":
        raise DataError("returned None for 'train'")
    return None


def import_reader(path: str) -> Callable[[str], OwnRows | None]:
    """Imports the function that `data.reader` names.

    Raises:
        ConfigError: if there is none.
    """
    module_name, _, function_name = path.partition(":")
    problem = f"data.reader: {path!r} cannot be imported: "
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ConfigError(f"{problem}{error}") from None
    reader = getattr(module, function_name, None)
    if not callable(reader):
        hint = did_you_mean(function_name, vars(module))
        raise ConfigError(f"{problem}{module_name} has no function {function_name!r}.{hint}")
    return reader
