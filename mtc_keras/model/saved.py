"""What a saved model says of itself: `task.json` of a preset, and its format."""

import json
from pathlib import Path
from typing import Any

from mtc_keras.errors import DataError
from mtc_keras.files import Format

TASK = "task.json"
# Of the config in it, which `.keras` files hold, too. 0.1 wrote no number, and nothing else.
FORMAT = Format(migrations=(dict,))


def saved_config(preset: Path) -> dict[str, Any]:
    """Returns the config of the `MultiTaskClassifier` in a preset, without loading Keras.

    Raises:
        DataError: if there is none, or it was written by a newer version.
    """
    file = preset / TASK
    try:
        config = json.loads(file.read_text(encoding="utf-8"))["config"]
    except OSError as error:
        raise DataError(f"{str(file)!r} cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError):
        config = None
    if not isinstance(config, dict) or not {"tasks", "decisions"} <= config.keys():
        raise DataError(f"{str(file)!r} is damaged: it does not say what the model predicts")
    return FORMAT.read(config, f"model {str(preset)!r}")
