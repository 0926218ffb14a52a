"""Parts of Keras that are imported when somebody uses them, by Python's own lazy loader.

`import keras` imports scikit-learn and Matplotlib for a wrapper and for plots, which takes longer
than Keras itself.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

PARTS = ("keras.wrappers", "keras.visualization", "keras.src.wrappers", "keras.src.visualization")


class LateParts(importlib.abc.MetaPathFinder):
    """Finds `PARTS` with a loader that waits for the first use of the module."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in PARTS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


@contextmanager
def parts_imported_late() -> Iterator[None]:
    """While it is entered, an import of Keras leaves out `PARTS` until they are used."""
    finder = LateParts()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
