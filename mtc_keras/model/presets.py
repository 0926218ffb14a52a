"""A saved classifier, read from its folder."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

import keras_hub
import numpy as np
from keras import ops
from keras_hub.src.utils.preset_utils import check_file_exists, get_preset_loader

from mtc_keras.devices import process
from mtc_keras.devices.late_tensorflow import used_late
from mtc_keras.errors import DataError, UserError, first_cause
from mtc_keras.model.backbones.folders import check_length
from mtc_keras.model.backbones.layers import length_limit
from mtc_keras.model.backbones.names import preset_of
from mtc_keras.model.checking import check_preset
from mtc_keras.model.first_weights import drawn_if_missing

Model = TypeVar("Model", bound=keras_hub.models.Task)


def load_preset(
    kind: type[Model],
    preset: str,
    *,
    load_weights: bool = True,
    max_length: int | None = None,
    check: bool = True,
    **kwargs: Any,
) -> Model:
    """Loads what `save_to_preset` has written.

    `keras_hub.models.Task.from_preset` looks for the subclass of a backbone, such as
    `BertTextClassifier`; here one class serves all backbones.

    Args:
        kind: the class of the model.
        preset: its folder.
        load_weights: bool. `False` leaves the weights random.
        max_length: int. Tokens per text; default: what was saved.
        check: bool. `False` loads files that have changed since they were written.
        **kwargs: values of the saved config to change.

    Raises:
        ConfigError: if the backbone does not read that many tokens.
        DataError: if the folder is damaged, or is of no model that could be built, or its
            weights are not finite numbers.
        ValueError: if the folder holds no classifier.
    """
    preset = preset_of(preset)
    with used_late() if Path(preset).is_dir() else nullcontext():
        return _load(kind, preset, load_weights, max_length, check, kwargs)


def _load(
    kind: type[Model],
    preset: str,
    load_weights: bool,
    max_length: int | None,
    check: bool,
    kwargs: dict[str, Any],
) -> Model:
    if not check_file_exists(preset, "task.json"):
        raise ValueError(
            f"{preset!r} is not a saved MultiTaskClassifier; a backbone needs `tasks`. "
            "Received: tasks=None"
        )
    if Path(preset).is_dir():  # else a hub's client brings it
        check_preset(Path(preset), check)
    try:
        loader = get_preset_loader(preset)
        saved = (loader.config["config"].get("dtype") or {}).get("config", {}).get("name")
        if saved == "mixed_bfloat16" and process.dtype_policy("auto") == "float32":
            kwargs.setdefault("dtype", "float32")  # trained on a GPU, loaded on a CPU
        with drawn_if_missing():
            model: Model = loader.load_task(kind, load_weights, load_task_weights=True, **kwargs)
        _check_vocabulary(model)
        _check_finite(model, preset)
    except UserError:
        raise
    except Exception as error:
        # Whatever Keras, HDF5 or a tokenizer says of files that do not belong together.
        raise DataError(f"model {preset!r} cannot be loaded: {first_cause(error)}") from error
    if max_length is not None:
        check_length(max_length, length_limit(model.backbone), preset)
        model.preprocessor.sequence_length = max_length
    return model


def _check_vocabulary(model: keras_hub.models.Task) -> None:
    """Checks that the backbone has an embedding of each token that the tokenizer may give."""
    if model.preprocessor is None:
        return
    tokens = model.preprocessor.tokenizer.vocabulary_size()
    rows = getattr(model.backbone, "vocabulary_size", tokens)
    if tokens > rows:
        raise ValueError(f"its tokenizer has {tokens:,} tokens, its backbone {rows:,}")


def _check_finite(model: keras_hub.models.Task, preset: str) -> None:
    """Checks that a model can answer: one whose training diverged would, by chance, or by NaN.

    Raises:
        DataError: naming the first weight that is not finite.
    """
    for variable in model.weights:
        if not np.isfinite(ops.convert_to_numpy(variable)).all():
            raise DataError(
                f"model {preset!r} is of no use: its weight {variable.path} is not finite; its "
                "training diverged: train it again, at a lower learning rate"
            )
