"""From a table of texts to a first config: `mtc-keras init`."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name != "main":
        raise AttributeError(f"module 'mtc_keras.init' has no attribute {name!r}")
    from mtc_keras.init.program import main

    return main
