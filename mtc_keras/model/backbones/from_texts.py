"""`backbone = "random"`: a BERT with random weights that learns its word pieces from texts."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mtc_keras.config import RandomBackboneConfig
from mtc_keras.model.backbones.names import RANDOM_MAX_LENGTH

if TYPE_CHECKING:
    import keras_hub

RESERVED_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def random_backbone(
    sizes: RandomBackboneConfig, texts: Iterable[str], options: dict[str, Any]
) -> "tuple[keras_hub.models.Backbone, keras_hub.models.TextClassifierPreprocessor]":
    """Returns a BERT with random weights, and the preprocessor with word pieces of the texts."""
    import keras_hub
    import tensorflow as tf

    # Lone surrogates, which JSON may hold, cannot be encoded.
    readable = [text.encode("utf-8", "replace") for text in texts]
    # Batched, because counting words runs once per batch.
    lines = tf.data.Dataset.from_tensor_slices([*readable, b"a"]).batch(1024)
    vocabulary = keras_hub.tokenizers.compute_word_piece_vocabulary(
        lines, sizes.vocabulary_size, lowercase=True, reserved_tokens=RESERVED_TOKENS
    )
    tokenizer = keras_hub.models.BertTokenizer(vocabulary=vocabulary, lowercase=True)
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=tokenizer.vocabulary_size(),
        num_layers=sizes.num_layers,
        num_heads=sizes.num_heads,
        hidden_dim=sizes.hidden_dim,
        intermediate_dim=sizes.intermediate_dim,
        max_sequence_length=RANDOM_MAX_LENGTH,
        **options,
    )
    return backbone, keras_hub.models.BertTextClassifierPreprocessor(tokenizer)
