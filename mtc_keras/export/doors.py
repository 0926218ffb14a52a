"""Which tokenizers leave by which door, told before anything is loaded.

A saved model names the class of its tokenizer, from which its kind is known without Keras; one of a
user's own is known when it has been loaded.
"""

from typing import TYPE_CHECKING, Any

from mtc_keras.errors import ConfigError
from mtc_keras.export.folder import ONNX
from mtc_keras.tokenization.prefix import prefixed

if TYPE_CHECKING:
    import keras_hub

    from mtc_keras.model.classifier import MultiTaskClassifier
    from mtc_keras.model.saved import SavedConfig
    from mtc_keras.run.directory import Run

WORD_PIECES, SENTENCE_PIECE, BYTE_PAIRS = "word pieces", "SentencePiece", "byte pairs"
KINDS = {
    WORD_PIECES: ("WordPiece", "Bert", "DistilBert", "Electra", "RoformerV2"),
    SENTENCE_PIECE: ("SentencePiece", "Albert", "DebertaV3", "FNet", "XLMRoberta"),
    BYTE_PAIRS: ("BytePair", "Roberta"),
}
KIND_OF = {f"keras_hub>{name}Tokenizer": kind for kind, names in KINDS.items() for name in names}
ANOTHER_WAY = "--format onnx (in Python: format='onnx')"


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
    _check_pairs(format, config, text_pairs)
    tokenizer = ((config.preprocessor or {}).get("config") or {}).get("tokenizer")
    if not isinstance(tokenizer, dict):
        return  # what is damaged is told with everything else that is
    kind = KIND_OF.get(str(tokenizer.get("registered_name")))
    if kind is not None:
        _check_kind(format, kind, tokenizer.get("class_name"))


def check_model(model: "MultiTaskClassifier", format: str, text_pairs: bool = False) -> None:
    """Checks that a model can be exported in a format.

    Raises:
        ConfigError: if it cannot, with the way out.
    """
    if model.preprocessor is None:
        raise ConfigError("the model has no preprocessor, so that an export could take no texts")
    _check_pairs(format, model, text_pairs)
    tokenizer = model.preprocessor.tokenizer
    _check_kind(format, kind_of(tokenizer), type(tokenizer).__name__)


def _check_pairs(format: str, model: "SavedConfig | MultiTaskClassifier", text_pairs: bool) -> None:
    if not text_pairs:
        return
    prefixed([(), ()], model.prefix)
    if model.long_texts != "truncate":
        raise ConfigError(
            f'long_texts = "{model.long_texts}" reads one text per row, and no text pairs'
        )
    if format == ONNX:
        raise ConfigError(
            "format onnx: tokenizer.json would cut long text pairs otherwise than the model "
            "was trained; a SavedModel takes text pairs"
        )


def _check_kind(format: str, kind: str | None, tokenizer: Any) -> None:
    if format == ONNX:
        if kind != WORD_PIECES:
            raise ConfigError(
                f"format onnx: tokenizer.json would not read texts as {tokenizer} "
                "does; word pieces (BERT, DistilBERT) can be exported. A SavedModel has the "
                "tokenizer of SentencePiece (XLM-RoBERTa, DeBERTa), too"
            )
    elif kind == BYTE_PAIRS:
        raise ConfigError(
            "a byte-pair tokenizer, such as RoBERTa's, cannot be served by TensorFlow: it takes "
            "words × longest word in memory and keeps each word it ever read; "
            "word pieces (BERT) and SentencePiece (XLM-RoBERTa, DeBERTa) can"
        )
