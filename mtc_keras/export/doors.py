"""Which tokenizers leave by which door, told before anything is loaded.

A saved model names the class of its tokenizer, from which its kind is known without Keras; one of a
user's own is known when it has been loaded.
"""

import json
from typing import TYPE_CHECKING, Any

from mtc_keras.errors import ConfigError
from mtc_keras.export.folder import ONNX, SAVED_MODEL
from mtc_keras.export.saved_model.byte_pairs import why_not
from mtc_keras.files import read_json
from mtc_keras.model.saved_sizes import BackboneSizes
from mtc_keras.run.directory import MODEL
from mtc_keras.tokenization.fast import as_preprocessed, fast_tokenizer, no_place_for
from mtc_keras.tokenization.prefix import prefixed

if TYPE_CHECKING:
    import keras_hub

    from mtc_keras.model.classifier import MultiTaskClassifier
    from mtc_keras.model.saved import SavedConfig
    from mtc_keras.run.directory import Run

WORD_PIECES, SENTENCE_PIECE, BYTE_PAIRS = "word pieces", "SentencePiece", "byte pairs"
TOKENIZER_JSON = "tokenizer.json"
KINDS = {
    WORD_PIECES: ("WordPiece", "Bert", "DistilBert", "Electra", "RoformerV2"),
    SENTENCE_PIECE: ("SentencePiece", "Albert", "DebertaV3", "FNet", "XLMRoberta"),
    BYTE_PAIRS: ("BytePair", "Roberta"),
}
KIND_OF = {f"keras_hub>{name}Tokenizer": kind for kind, names in KINDS.items() for name in names}
HUGGING_FACE = "mtc_keras>HuggingFaceTokenizer"
KIND_OF[HUGGING_FACE] = TOKENIZER_JSON
DESCRIPTION = "assets/tokenizer/tokenizer.json"  # in a preset
MOST_BYTES = 2**31  # of a message of protobuf, which an ONNX model is


def kind_of(tokenizer: "keras_hub.tokenizers.Tokenizer") -> str | None:
    """Returns the kind of a tokenizer: that of its class, or of one that it is made from."""
    from keras.saving import get_registered_name

    names = [get_registered_name(ancestor) for ancestor in type(tokenizer).__mro__]
    return next((KIND_OF[name] for name in names if name in KIND_OF), None)


def check_saved(run: "Run", format: str) -> None:
    """Checks, of a run that has not been loaded, that it can be exported in a format.

    Raises:
        ConfigError: if it cannot, with the way out.
        DataError: if the run is damaged.
    """
    config = run.saved.config
    text_pairs = len(run.config.data.text_columns) > 1
    _check_pairs(config, text_pairs)
    tokenizer = ((config.preprocessor or {}).get("config") or {}).get("tokenizer")
    if not isinstance(tokenizer, dict):
        return  # what is damaged is told with everything else that is
    if tokenizer.get("registered_name") == HUGGING_FACE:
        try:
            described = read_json(run.directory / MODEL / DESCRIPTION)
            reason = why_not(described)
            special = [bool(token["special"]) for token in described.get("added_tokens") or []]
        except (ValueError, LookupError, TypeError, AttributeError):
            return  # too
        if format == SAVED_MODEL:
            _check_graph(tokenizer.get("class_name"), reason)
        elif config.prefix and not all(special):
            raise no_place_for(config.prefix)
    try:
        sizes = BackboneSizes.model_validate(config.backbone.get("config", {}))
    except ValueError:
        return  # too
    _check_size(format, sizes.parameters)


def check_model(model: "MultiTaskClassifier", format: str, text_pairs: bool = False) -> None:
    """Checks that a model can be exported in a format.

    Raises:
        ConfigError: if it cannot, with the way out.
    """
    if model.preprocessor is None:
        raise ConfigError("the model has no preprocessor, so that an export could take no texts")
    _check_pairs(model, text_pairs)
    tokenizer = model.preprocessor.tokenizer
    name = type(tokenizer).__name__
    _check_size(format, model.backbone.count_params())
    if format == SAVED_MODEL:
        if kind_of(tokenizer) in (BYTE_PAIRS, TOKENIZER_JSON):
            fast = fast_tokenizer(tokenizer)
            settings = "it has settings of its own"
            _check_graph(name, settings if fast is None else why_not(json.loads(fast.to_str())))
        return
    overlap = model.window_overlap or 0
    made = as_preprocessed(
        model.preprocessor, model.long_texts, overlap, prefix=model.prefix, text_pairs=text_pairs
    )
    if made is None:
        raise ConfigError(
            f"an ONNX export cannot read texts as {name} does, by the package tokenizers. A "
            "SavedModel can, if TensorFlow can: --format saved_model, in Python "
            "format='saved_model'"
        )


def _check_pairs(model: "SavedConfig | MultiTaskClassifier", text_pairs: bool) -> None:
    if not text_pairs:
        return
    prefixed([(), ()], model.prefix)
    if model.long_texts != "truncate":
        raise ConfigError(
            f'long_texts = "{model.long_texts}" reads one text per row, and no text pairs'
        )


def _check_graph(tokenizer: Any, reason: str | None) -> None:
    if reason is not None:
        raise ConfigError(
            f"a SavedModel cannot read texts as {tokenizer} does, by operations of TensorFlow: "
            f"{reason}. An ONNX export can: --format onnx, in Python format='onnx'"
        )


def _check_size(format: str, parameters: int) -> None:
    if format == ONNX and 4 * parameters >= MOST_BYTES:
        raise ConfigError(
            f"format onnx: an encoder of {parameters / 1e6:,.0f} million parameters in float32 "
            "does not fit into one ONNX file, of 2 GB at most; a SavedModel takes it"
        )
