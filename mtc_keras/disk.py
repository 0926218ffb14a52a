"""What is written is on the disk before it gets its name."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Waits until a file, or the names in a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(directory: Path) -> None:
    """Waits until a directory and all that lies in it are on the disk."""
    for path in directory.rglob("*"):
        sync(path)
    sync(directory)
