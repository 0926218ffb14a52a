"""A `MultiTaskClassifier` in a `.keras` file."""

import zipfile
from pathlib import Path
from typing import Any

from mtc_keras.devices.quiet import quietly
from mtc_keras.errors import DataError
from mtc_keras.model.backbones import first_cause

SUFFIX = ".keras"


def load_keras_file(path: Path) -> Any:
    """Loads what `model.save` has written, in Keras' safe mode.

    Raises:
        DataError: if there is no such file, it is damaged, names a loss or metric of your own that
            is not registered, or holds another model.
    """
    where = f"model file {str(path)!r}"
    if not path.is_file():
        raise DataError(f"{where} is not there, or is no file; it is made by model.save")
    if not zipfile.is_zipfile(path):
        raise DataError(f"{where} is damaged: it is no .keras file; save the model again")
    with quietly():
        import keras

        from mtc_keras.model.classifier import MultiTaskClassifier  # registers what is in it

        try:
            model = keras.saving.load_model(path)
        except Exception as error:
            # Keras raises many kinds of errors on what it cannot read; all of them stay attached.
            raise DataError(f"{where} cannot be loaded: {first_cause(error)}") from error
    if not isinstance(model, MultiTaskClassifier):
        raise DataError(
            f"{where} holds a {type(model).__name__} and no MultiTaskClassifier; "
            "keras.saving.load_model loads it"
        )
    return model
