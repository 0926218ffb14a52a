"""A `MultiTaskClassifier` in a `.keras` file."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

from mtc_keras.devices.late_tensorflow import imported_late
from mtc_keras.devices.quiet import importing_quietly
from mtc_keras.errors import DataError, first_cause
from mtc_keras.files import MOST_JSON, parse_json
from mtc_keras.model.checking import check_backbone_size
from mtc_keras.model.saved import first_problem
from mtc_keras.model.saved_classes import check_classes

SUFFIX = ".keras"
CONFIG, WEIGHTS = "config.json", "model.weights.h5"
# Keras packs nothing; where somebody else has, zeros of an optimizer take little room.
MOST_PACKED, ALWAYS = 100, 256 * 2**20


def load_keras_file(path: Path) -> Any:
    """Loads what `model.save` has written, in Keras' safe mode.

    Raises:
        DataError: if there is no such file, it is damaged, names a loss or metric of your own that
            is not registered, or holds another model.
    """
    where = f"model file {str(path)!r}"
    if not path.is_file():
        raise DataError(f"{where} is not there, or is no file; it is made by model.save")
    try:
        described = _described(path)
    except (ValueError, OSError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise DataError(
            f"{where} is damaged: {first_problem(error)}; save the model again"
        ) from None
    with importing_quietly():
        with imported_late():
            import keras

            from mtc_keras.model.classifier import MultiTaskClassifier  # registers what is in it

        name = str(described.get("registered_name"))
        kind = keras.saving.get_registered_object(name)
        if not (isinstance(kind, type) and issubclass(kind, MultiTaskClassifier)):
            raise DataError(
                f"{where} holds a {described.get('class_name')!s:.80} and no "
                "MultiTaskClassifier; keras.saving.load_model loads it"
            )
        try:
            return keras.saving.load_model(path)
        except Exception as error:
            # Keras raises many kinds of errors on what it cannot read; all of them stay attached.
            raise DataError(f"{where} cannot be loaded: {first_cause(error)}") from error


def _described(path: Path) -> dict[str, Any]:
    """Returns what a file describes: a model about as large as its weights, of known classes.

    Raises:
        ValueError: if it describes anything else.
    """
    if not zipfile.is_zipfile(path):
        raise ValueError("it is no .keras file")
    with zipfile.ZipFile(path) as file:
        found = {entry.filename: entry for entry in file.infolist()}
        if not {CONFIG, WEIGHTS} <= found.keys():
            raise ValueError(f"it has no {CONFIG if CONFIG not in found else WEIGHTS}")
        unpacked = sum(entry.file_size for entry in found.values())
        if unpacked > ALWAYS + MOST_PACKED * path.stat().st_size:
            raise ValueError(f"it would be {unpacked:,} bytes large, unpacked")
        if found[CONFIG].file_size > MOST_JSON:
            raise ValueError(f"its {CONFIG} has {found[CONFIG].file_size:,} bytes")
        described = parse_json(file.read(CONFIG))
    config = described.get("config") if isinstance(described, dict) else None
    if not isinstance(config, dict):
        raise ValueError(f"its {CONFIG} describes no model")
    if "tasks" in config:  # else another model, which is told from its class
        check_classes(config)
        check_backbone_size(config.get("backbone"), found[WEIGHTS].file_size)
    return described
