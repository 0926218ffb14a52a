"""From a name in the config to a KerasHub backbone and the preprocessor that feeds it."""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtc_keras.config import ModelConfig, RandomBackboneConfig
from mtc_keras.devices.late_tensorflow import used_late
from mtc_keras.errors import ConfigError, first_cause
from mtc_keras.model.backbones.folders import check_length, described_limit, form_problems
from mtc_keras.model.backbones.from_texts import random_backbone
from mtc_keras.model.backbones.layers import length_limit
from mtc_keras.model.backbones.names import WAYS, check_backbone, preset_of
from mtc_keras.model.backbones.sentence_transformers import training_notes
from mtc_keras.model.first_weights import drawn_if_missing
from mtc_keras.tokenization.exact_scores import make_exact

if TYPE_CHECKING:
    import keras_hub


@dataclass(frozen=True)
class LoadedBackbone:
    """What a backbone's name in the config leads to.

    Args:
        backbone: a `keras_hub.models.Backbone`.
        preprocessor: a `keras_hub.models.TextClassifierPreprocessor` that makes its inputs of
            texts.
        notes: what was guessed, made anew or left out in loading them, one line each.
    """

    backbone: "keras_hub.models.Backbone"
    preprocessor: "keras_hub.models.TextClassifierPreprocessor"
    notes: tuple[str, ...] = ()


def load_backbone(
    config: ModelConfig,
    texts: Iterable[str] = (),
    load_weights: bool = True,
    dtype: str | None = None,
) -> LoadedBackbone:
    """Loads a backbone and its preprocessor.

    Args:
        config: the `[model]` section.
        texts: training texts, from which `"random"` learns its word pieces.
        load_weights: bool. `False` leaves the weights random.
        dtype: the backbone's dtype policy, such as `"mixed_bfloat16"`; default: Keras' own.

    Returns:
        A `LoadedBackbone`, whose preprocessor has the sequence length `config.max_length`.

    Raises:
        ConfigError: if the backbone cannot be found, read or fed, or is too short.
    """
    check_backbone(config)
    given = {"dtype": dtype, "dropout": config.backbone_dropout}
    options = {name: value for name, value in given.items() if value is not None}
    if config.backbone == "random":
        sizes = config.random or RandomBackboneConfig()
        loaded = LoadedBackbone(*random_backbone(sizes, texts, options))
    else:
        here = Path(preset_of(config.backbone)).is_dir()
        with used_late() if here else nullcontext(), drawn_if_missing():
            loaded = _pretrained(config, load_weights, options)
    backbone = loaded.backbone
    if "padding_mask" not in backbone.input:
        raise ConfigError(
            f"model.backbone: {config.backbone!r} is a {type(backbone).__name__}, which takes "
            f"no padding mask and would read padding as text; it may be {WAYS}"
        )
    check_length(config.max_length, length_limit(backbone), config.backbone)
    make_exact(loaded.preprocessor.tokenizer)
    # Afterwards, as sentence-transformers folders bring a length of their own.
    loaded.preprocessor.sequence_length = config.max_length
    return loaded


def _pretrained(config: ModelConfig, load_weights: bool, options: dict[str, Any]) -> LoadedBackbone:
    from keras_hub.src.utils.preset_utils import load_json

    preset = preset_of(config.backbone)
    where = f"model.backbone: {preset!r}"
    try:
        # From small to large, so that a mistake is reported before weights are fetched.
        description = load_json(preset)
        limit = described_limit(description, where)
        check_length(config.max_length, limit, preset)
        if "registered_name" in description:
            from mtc_keras.model.backbones.keras_hub_presets import load_keras_hub_preset

            return LoadedBackbone(*load_keras_hub_preset(preset, load_weights, options))
        if problems := form_problems(description):
            raise ConfigError(f"{where} cannot be read", problems)
        from mtc_keras.model.backbones.hugging_face import load_checkpoint

        backbone, preprocessor, notes = load_checkpoint(
            preset, description, load_weights=load_weights, options=options
        )
        notes += training_notes(preset, str(description.get("_name_or_path", "")), config)
    except ConfigError:
        raise
    except Exception as error:
        # Each hub's client raises errors of its own; all of them stay attached.
        remote = not Path(preset).is_dir()
        advice = f". If the model hub is out of reach, it may be {WAYS}" if remote else ""
        raise ConfigError(f"{where} cannot be loaded ({first_cause(error)}){advice}") from error
    return LoadedBackbone(backbone, preprocessor, tuple(f"{preset}: {note}" for note in notes))
