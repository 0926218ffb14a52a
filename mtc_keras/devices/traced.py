"""Programs that were traced are kept in the user's cache, so that the next process need not."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtc_keras.devices import process
from mtc_keras.files import written_whole

if TYPE_CHECKING:
    from jax.export import Exported

MOST_KEPT_BYTES = 512 * 1024**2  # beyond it, the programs used longest ago are removed
SUM_BYTES = hashlib.sha256().digest_size  # at the start of a file: of all that follows


def kept_or_exported(
    function: Callable[..., Any], signature: str, likenesses: tuple[Any, ...]
) -> Callable[..., Any]:
    """Returns a function that computes the same from arrays of these shapes.

    It calls what was traced by this process or by one before. In either case it has been written
    as StableHLO and read again, so that both compile the very same program.

    Args:
        function: a function of trees of arrays.
        signature: str. All that the program depends on; the file is named by it.
        likenesses: the arguments' `jax.ShapeDtypeStruct`s.
    """
    import jax

    path = directory() / hashlib.sha256(signature.encode()).hexdigest()
    content = _read(path)
    if content is None:
        try:
            content = bytes(jax.export.export(jax.jit(function))(*likenesses).serialize())
        except (ValueError, NotImplementedError):  # it cannot be kept; errors of its own recur
            return function
        _write(path, content)
    exported: Exported = jax.export.deserialize(bytearray(content))
    return exported.call


def directory() -> Path:
    """Returns where traced programs are kept."""
    return process.cache_directory() / "traced"


def _read(path: Path) -> bytes | None:
    """Returns what a file holds; `None` if there is none, or not all of it."""
    try:
        content = path.read_bytes()
        found = content[SUM_BYTES:]
        if hashlib.sha256(found).digest() != content[:SUM_BYTES]:
            return None
        path.touch()
    except OSError:
        return None
    return found


def _write(path: Path, content: bytes) -> None:
    with suppress(OSError):  # a cache that is not written costs only time
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as file:
            file.write(hashlib.sha256(content).digest())
            file.write(content)
        _remove_oldest(path.parent)


def _remove_oldest(folder: Path) -> None:
    """Removes what was used longest ago until the rest is within `MOST_KEPT_BYTES`."""
    files = [(path, path.stat()) for path in folder.iterdir()]
    total = 0
    for path, about in sorted(files, key=lambda item: item[1].st_mtime, reverse=True):
        total += about.st_size
        if total > MOST_KEPT_BYTES:
            path.unlink(missing_ok=True)
