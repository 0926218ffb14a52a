"""BERT's word pieces as `transformers` reads them, in Python and in TensorFlow's graphs.

KerasHub's own `BertTokenizer` reads some texts otherwise: a no-break space, which French writes
before `!` and within « », is a letter to it, so that the word before it is unknown; "…" becomes
three points and "ß" two letters where texts are read in small letters. Of 11,000 real French and
English texts 9 % get other tokens by an uncased vocabulary, 0.6 % by a cased one.
"""

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import keras
import keras_hub
import numpy as np

from mtc_keras.devices.late_tensorflow import Later, is_imported
from mtc_keras.tokenization.description import (
    LONGEST_WORD,
    description_of_word_pieces,
    rust_tokenizer,
)
from mtc_keras.tokenization.texts import texts_of

if TYPE_CHECKING:
    import tokenizers

UNKNOWN = "\uffff"  # stands for such a word in graphs: no character, part of no word piece
# In graphs, the characters that BERT drops, and those that it takes for blanks.
DROPPED = r"[\x{00}-\x{08}\x{0B}\x{0C}\x{0E}-\x{1F}\x{7F}-\x{9F}\x{FFFD}\p{Cf}\p{Co}]"
BLANKS = r"[\t\n\r\p{Zs}\p{Zl}\p{Zp}]"


@keras.saving.register_keras_serializable("mtc_keras")
class BertTokenizer(keras_hub.models.BertTokenizer):
    """A tokenizer of word pieces that reads texts as `transformers`' BERT does.

    Args:
        vocabulary: sequence of str, the word pieces by id; `None` where they are an asset.
        lowercase: bool. Whether texts are read in small letters.
        strip_accents: bool. Whether their letters lose their accents.
        **kwargs: arguments of `keras_hub.models.BertTokenizer`.
    """

    def __init__(
        self,
        vocabulary: Any = None,
        lowercase: bool = False,
        strip_accents: bool = False,
        **kwargs: Any,
    ) -> None:
        self.in_small_letters, self.without_accents = lowercase, strip_accents
        # What KerasHub would do besides is done here.
        super().__init__(vocabulary, lowercase=False, strip_accents=False, **kwargs)

    def set_vocabulary(self, vocabulary: Any) -> None:
        super().set_vocabulary(vocabulary)
        self._fast: tokenizers.Tokenizer | None = None

    @property
    def fast(self) -> "tokenizers.Tokenizer":
        """The `tokenizers.Tokenizer` that reads texts, without special tokens around them."""
        if self._fast is None:
            described = description_of_word_pieces(
                {piece: number for number, piece in enumerate(self.get_vocabulary())},
                lowercase=self.in_small_letters,
                strip_accents=self.without_accents,
                unknown=self.oov_token,
                continues=self.suffix_indicator,
            )
            self._fast = rust_tokenizer(json.dumps(described))
        return self._fast

    def tokenize(self, inputs: Any) -> Any:
        """Returns the ids of the tokens of a text, or of each of several.

        Args:
            inputs: a string, a sequence or a tensor of N strings.

        Returns:
            Of one string an array of shape `(tokens,)`, of several N lists, in a graph a
            `tf.RaggedTensor`.
        """
        if self._use_tf_workflow():
            return super().tokenize(self._in_graph(inputs))
        texts, is_one = texts_of(inputs)
        read = self.fast.encode_batch_fast(texts, add_special_tokens=False)
        rows = [encoding.ids for encoding in read]
        return np.asarray(rows[0], self.compute_dtype) if is_one else rows

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "lowercase": self.in_small_letters,
            "strip_accents": self.without_accents,
        }

    def _in_graph(self, texts: Any) -> Any:
        """Returns texts with the letters that word pieces are made of."""
        import tensorflow as tf
        import tensorflow_text

        texts = tf.strings.regex_replace(tf.convert_to_tensor(texts), DROPPED, "")
        texts = tf.strings.regex_replace(texts, BLANKS, " ")
        if self.without_accents:
            texts = tensorflow_text.normalize_utf8(texts, "NFD")
            texts = tf.strings.regex_replace(texts, r"\p{Mn}", "")
        if self.in_small_letters:
            # Where a word ends, the small letter of Σ would be another.
            texts = tf.strings.regex_replace(texts, "Σ", "σ")
            texts = tf.strings.lower(texts, encoding="utf-8")
        return texts

    def _set_vocabulary_tf(self) -> None:
        make = self._made_for_graphs
        self._fast_word_piece = make() if is_imported() else Later(make)

    def _made_for_graphs(self) -> Any:
        return _word_pieces()(
            vocab=self.vocabulary,
            token_out_type=self.compute_dtype,
            suffix_indicator=self.suffix_indicator,
            unknown_token=self.oov_token,
            max_bytes_per_word=4 * LONGEST_WORD,
            no_pretokenization=True,
            support_detokenization=True,
        )


@cache
def _word_pieces() -> Any:
    """Returns TensorFlow Text's class of word pieces, for words of 100 characters at most.

    KerasHub takes words of more than 100 bytes for unknown. A regular expression that counts to
    100 is too large for TensorFlow's, which then writes a line to stderr for each text.
    """
    import tensorflow as tf
    import tensorflow_text

    def shorter(words: Any) -> Any:
        is_long = tf.strings.length(words, unit="UTF8_CHAR") > LONGEST_WORD
        return tf.where(is_long, UNKNOWN, words)

    class WordPieces(tensorflow_text.FastWordpieceTokenizer):
        def tokenize(self, input: Any) -> Any:
            return super().tokenize(tf.ragged.map_flat_values(shorter, input))

    return WordPieces
