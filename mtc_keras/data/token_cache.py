"""Tokens on disk, found again by a hash of all that decides them."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mtc_keras.config.model import LongTexts
from mtc_keras.data.fingerprint import add_texts
from mtc_keras.data.long_texts import AnyTokens, read_texts_as
from mtc_keras.data.tokens import Tokens
from mtc_keras.data.windows import Windows
from mtc_keras.errors import ConfigError
from mtc_keras.files import folder_written_whole, json_digest, json_line, write_whole

if TYPE_CHECKING:
    import keras_hub

MOST_CACHED_BYTES = 10 * 1024**3  # beyond it, the files used longest ago are removed
ABOUT = "tokens.json"
WINDOWS = "windows.npy"  # where each text's windows begin, if texts have several
FORMAT = 2  # of the cached files, and of how texts are read


def cached_tokens(
    preprocessor: "keras_hub.models.TextClassifierPreprocessor",
    texts: Sequence[Sequence[str]],
    directory: Path | None,
    long_texts: LongTexts = "truncate",
    overlap: int = 0,
) -> AnyTokens:
    """Tokenizes texts, or finds their tokens on disk if they were tokenized before.

    The files are named by a hash of the texts, the tokenizer's files and settings, and are
    mapped into memory, not read, so that they may be larger than it. They hold token ids, from
    which the texts can be reconstructed.

    Args:
        preprocessor: a `keras_hub.models.TextClassifierPreprocessor`.
        texts: one sequence of N strings, or two for text pairs.
        directory: where such files are; `None` keeps the tokens in memory alone.
        long_texts: as for `read_texts_as`.
        overlap: as for `read_texts_as`.

    Returns:
        The `Tokens` or `Windows`, as `read_texts_as` does.
    """
    if directory is None:
        return read_texts_as(preprocessor, texts, long_texts, overlap)
    entry = directory / _key(preprocessor, texts, long_texts, overlap)
    try:
        tokens = _read(entry)
        os.utime(entry)
    except (OSError, EOFError, ValueError, KeyError):  # not there, or damaged
        tokens = read_texts_as(preprocessor, texts, long_texts, overlap)
        with suppress(OSError, ConfigError):  # a cache that is not written costs only time
            shutil.rmtree(entry, ignore_errors=True)
            _write(entry, tokens)
            _remove_oldest(directory)
    return tokens


def _key(
    preprocessor: "keras_hub.models.TextClassifierPreprocessor",
    texts: Sequence[Sequence[str]],
    long_texts: LongTexts,
    overlap: int,
) -> str:
    """Returns a hash of all that decides the tokens."""
    import keras_hub

    settings = {
        "format": FORMAT,
        "keras_hub": keras_hub.__version__,
        "preprocessor": type(preprocessor).__name__,
        "tokenizer": preprocessor.tokenizer.get_config(),
        "sequence_length": preprocessor.sequence_length,
        "truncate": getattr(preprocessor, "truncate", None),
    }
    if long_texts != "truncate":
        settings |= {"long_texts": long_texts, "overlap": overlap}
    digest = hashlib.sha256(json_digest(settings).encode())
    with tempfile.TemporaryDirectory() as folder:
        preprocessor.tokenizer.save_assets(folder)
        for path in sorted(Path(folder).iterdir()):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    add_texts(digest, texts)
    return digest.hexdigest()


def _write(directory: Path, found: AnyTokens) -> None:
    """Writes tokens under a temporary name, and gives them theirs when they are whole."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    tokens = found.tokens if isinstance(found, Windows) else found
    with folder_written_whole(directory) as part:
        about = {
            "padding": dict(tokens.padding),
            "dtypes": dict(tokens.dtypes),
            "max_length": tokens.max_length,
        }
        write_whole(part / ABOUT, json_line(about))
        for name, values in {"offsets": tokens.offsets, **tokens.flat}.items():
            np.save(part / f"{name}.npy", values, allow_pickle=False)
        if isinstance(found, Windows):
            np.save(part / WINDOWS, found.offsets, allow_pickle=False)


def _read(directory: Path) -> AnyTokens:
    about = json.loads((directory / ABOUT).read_text(encoding="utf-8"))
    arrays = {name: _array(directory / f"{name}.npy") for name in ["offsets", *about["padding"]]}
    offsets = arrays.pop("offsets")
    if not all(len(values) == offsets[-1] for values in arrays.values()):
        raise ValueError(f"{directory} is not whole")
    tokens = Tokens(arrays, offsets, **about)
    if not (directory / WINDOWS).exists():
        return tokens
    windows = Windows(tokens, _array(directory / WINDOWS))
    if windows.offsets[-1] != len(tokens):
        raise ValueError(f"{directory} is not whole")
    return windows


def _array(path: Path) -> np.ndarray:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _remove_oldest(directory: Path) -> None:
    """Removes what was used longest ago until the rest is within `MOST_CACHED_BYTES`."""
    entries = sorted(directory.iterdir(), key=lambda entry: entry.stat().st_mtime, reverse=True)
    total = 0
    for entry in entries:
        total += sum(file.stat().st_size for file in entry.iterdir())
        if total > MOST_CACHED_BYTES and entry is not entries[0]:
            shutil.rmtree(entry, ignore_errors=True)
