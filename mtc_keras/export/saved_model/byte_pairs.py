"""Byte pairs in TensorFlow's graph, as GPT-2 and RoBERTa read them, in memory that a text bounds.

KerasHub's layer takes words × longest word in memory and keeps each word it ever read. Here the
merges are a SentencePiece model of the kind BPE, whose pieces have the rank of their merge as a
score, and words are the characters that GPT-2 writes for bytes. SentencePiece joins two pieces
whenever the result is one, `tokenizers` only those that were merged in training; with trained
vocabularies both read alike, and an export's self-test compares them.

Shapes: B texts, R runs of blanks and of others, W words, M bytes of all of them.
"""

import json
from typing import TYPE_CHECKING, Any

from mtc_keras.tokenization.unspelt import DROPPED, UNSPELT

if TYPE_CHECKING:
    import tokenizers

# What `\s` is in `tokenizers`, and is not in TensorFlow, which knows that of ASCII alone.
BLANK = r"[\s\v\x{85}\p{Z}]"
BLANKS = f"{BLANK}+"
# GPT-2's words. Blanks before a word, all but the last, are divided from it before.
WORDS = "|".join(
    (
        *("'s", "'t", "'re", "'ve", "'m", "'ll", "'d"),
        *(r" ?\p{L}+", r" ?\p{N}+", r" ?[^\s\v\x{85}\p{Z}\p{L}\p{N}]+", BLANKS),
    )
)
COMPOSED = {"type": "NFC"}
# Of a token that was added, how it is found in a text: as it is, in the text of composed letters.
FOUND = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": True}
PLAIN = {
    "type": "BPE",
    "dropout": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "byte_fallback": False,
    "ignore_merges": False,
}
UNKNOWN = "\0unknown"


def bytes_to_characters() -> list[int]:
    """Returns the code points by which GPT-2 writes the 256 bytes: those that print, and others."""
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [byte if byte in printed else next(others) for byte in range(256)]


def why_not(described: dict[str, Any]) -> str | None:
    """Returns why no graph reads texts as a tokenizer does, `None` where one does.

    Args:
        described: the content of a tokenizer.json.
    """
    model, words = described["model"], described.get("pre_tokenizer") or {}
    steps = _steps(described)
    if any(step not in (DROPPED, COMPOSED) for step in steps):
        return "it changes letters first"
    if words.get("type") != "ByteLevel" or not words.get("use_regex", True):
        return "its words are not GPT-2's"
    if words.get("add_prefix_space"):
        return "it puts a blank before a text"
    if any((model.get(key) or None) != (value or None) for key, value in PLAIN.items()):
        return "it has other settings than byte pairs of GPT-2"
    for token in _added(described):
        if any(token.get(key) != value for key, value in FOUND.items()):
            return "it finds tokens that were added to it in ways of its own"
    merged = ["".join(merge) for merge in _merges(model)]
    if len(set(merged)) != len(merged):
        return "it has several merges for one token"
    if not {chr(code) for code in bytes_to_characters()} <= model["vocab"].keys():
        return "it has no token for some bytes"
    return None


def _steps(described: dict[str, Any]) -> list[Any]:
    normalizer = described.get("normalizer")
    return [] if normalizer is None else normalizer.get("normalizers", [normalizer])


def _added(described: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the tokens that are found in texts; no text spells the others, such as "\\0<s>"."""
    added = described.get("added_tokens") or []
    return [token for token in added if not token["content"].startswith(UNSPELT)]


def _merges(model: dict[str, Any]) -> list[list[str]]:
    return [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]


def sentence_piece_model(model: dict[str, Any]) -> tuple[bytes, list[int]]:
    """Returns a SentencePiece model of the merges of a tokenizer.json, and the id of each piece.

    Args:
        model: the `model` of a tokenizer.json that `why_not` has nothing against.
    """
    from sentencepiece import sentencepiece_model_pb2

    made: Any = sentencepiece_model_pb2.ModelProto()
    kinds, vocabulary = made.SentencePiece, model["vocab"]
    made.pieces.add(piece=UNKNOWN, score=0.0, type=kinds.UNKNOWN)
    ids = [0]
    single = [chr(code) for code in bytes_to_characters()]
    merged = ["".join(merge) for merge in _merges(model)]
    for rank, piece in [*((0, piece) for piece in single), *enumerate(merged)]:
        made.pieces.add(piece=piece, score=-float(rank), type=kinds.NORMAL)
        ids.append(vocabulary[piece])
    made.trainer_spec.model_type = made.trainer_spec.BPE
    made.normalizer_spec.add_dummy_prefix = False
    made.normalizer_spec.remove_extra_whitespaces = False
    made.normalizer_spec.escape_whitespaces = False
    return made.SerializeToString(), ids


class BytePairs:
    """Reads texts in a graph.

    Args:
        fast: a `tokenizers.Tokenizer` whose content `why_not` has nothing against.
    """

    def __init__(self, fast: "tokenizers.Tokenizer") -> None:
        import tensorflow as tf
        import tensorflow_text as tf_text

        described = json.loads(fast.to_str())
        proto, ids = sentence_piece_model(described["model"])
        self.pieces = tf_text.SentencepieceTokenizer(model=proto)
        self._ids = tf.constant(ids, "int32")
        self._characters = tf.constant(bytes_to_characters(), "int32")
        self._is_composed = COMPOSED in _steps(described)
        # The longest first, as it is the one that counts.
        self._added = sorted(_added(described), key=lambda token: -len(token["content"]))

    def __call__(self, texts: Any) -> Any:
        """Returns the tokens of texts, ragged int32 of shape `(B, None)`.

        Args:
            texts: strings of shape `(B,)`, valid UTF-8.
        """
        import tensorflow as tf
        import tensorflow_text as tf_text

        if self._is_composed:
            texts = tf_text.normalize_utf8(texts, "NFC")
        if not self._added:
            return self._of_words(texts)
        names = [token["content"] for token in self._added]
        pattern = "|".join(map(_literal, names))
        parts = tf_text.regex_split(texts, pattern, pattern)
        is_name = parts.flat_values[:, None] == tf.constant(names)  # (P, names)
        is_added = tf.reduce_any(is_name, axis=1)
        ids = tf.gather([token["id"] for token in self._added], tf.argmax(is_name, axis=1))
        added = tf.RaggedTensor.from_row_lengths(
            tf.cast(tf.boolean_mask(ids, is_added), "int32"), tf.cast(is_added, "int64")
        )
        others = self._of_words(tf.where(is_added, "", parts.flat_values))
        tokens = tf.concat([added, others], axis=1)  # of a part one of both is empty
        lengths = tf.math.unsorted_segment_sum(
            tokens.row_lengths(), parts.value_rowids(), tf.size(texts, "int64")
        )
        return tf.RaggedTensor.from_row_lengths(tokens.flat_values, lengths)

    def _of_words(self, texts: Any) -> Any:
        """Returns the tokens of texts without tokens that were added."""
        import tensorflow as tf

        words, text_of_word = _words(texts)
        parts = tf.strings.bytes_split(words)  # (W, None)
        codes = tf.reshape(tf.io.decode_raw(parts.flat_values, "uint8"), [-1])  # (M,)
        letters = parts.with_flat_values(tf.gather(self._characters, tf.cast(codes, "int32")))
        tokens = self.pieces.tokenize(tf.strings.unicode_encode(letters, "UTF-8"))
        lengths = tf.math.unsorted_segment_sum(
            tokens.row_lengths(), text_of_word, tf.size(texts, "int64")
        )
        return tf.RaggedTensor.from_row_lengths(tf.gather(self._ids, tokens.flat_values), lengths)


def _literal(text: str) -> str:
    """Returns a regular expression that finds a text alone."""
    return "".join(f"\\x{{{ord(character):X}}}" for character in text)


def _words(texts: Any) -> tuple[Any, Any]:
    """Returns GPT-2's words of texts, `(W,)`, and the text of each, int64.

    Of blanks before a word, the last belongs to it if it is " ", and else is one of its own.
    """
    import tensorflow as tf
    import tensorflow_text as tf_text

    runs = tf_text.regex_split(texts, BLANKS, BLANKS)
    text_of_run, runs = runs.value_rowids(), runs.flat_values  # (R,)
    is_blank = tf.strings.regex_full_match(runs, BLANKS)
    next_text = tf.concat([text_of_run[1:], [-1]], axis=0)[: tf.size(runs)]
    has_next = next_text == text_of_run
    is_before = tf.logical_and(is_blank, has_next)  # a word
    last = tf.strings.regex_replace(runs, r"(?s)^.*(.)$", r"\1")
    is_joined = tf.logical_and(is_before, last == " ")
    follows = tf.roll(is_joined, 1, axis=0)
    first = tf.where(is_before, tf.strings.regex_replace(runs, f"{BLANK}$", ""), runs)
    first = tf.where(follows, tf.strings.join([" ", runs]), first)
    second = tf.where(tf.logical_and(is_before, tf.logical_not(is_joined)), last, "")
    parts = tf.reshape(tf.stack([first, second], axis=1), [-1])
    words = tf_text.regex_split(parts, WORDS, WORDS)
    text_of_word = tf.gather(tf.repeat(text_of_run, 2), words.value_rowids())
    real = tf.strings.length(words.flat_values) > 0
    return tf.boolean_mask(words.flat_values, real), tf.boolean_mask(text_of_word, real)
