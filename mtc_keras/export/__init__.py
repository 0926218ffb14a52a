"""Exports a run for serving: `mtc-keras export`.

Nothing is imported here, so that what asks an export starts without the rest.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name != "main":
        raise AttributeError(f"module 'mtc_keras.export' has no attribute {name!r}")
    from mtc_keras.export.program import main

    return main
