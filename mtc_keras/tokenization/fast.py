"""How texts become token ids, wherever a program reads them: by the package `tokenizers`.

Training, prediction and an ONNX export read a text with the same `tokenizers.Tokenizer`, on all
cores, so that its tokens depend neither on how many other texts are read nor on where. KerasHub's
own ways, Python and TensorFlow Text, remain for graphs: a SavedModel, and `tf.data` of raw texts.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from mtc_keras.errors import ConfigError
from mtc_keras.tokenization import byte_pairs, unigram, word_pieces
from mtc_keras.tokenization.offsets import offsets_of
from mtc_keras.tokenization.unspelt import UNSPELT

if TYPE_CHECKING:
    import keras_hub
    import tokenizers

TEXTS_AT_ONCE = 1024
CHARACTERS_AT_ONCE = 2**20  # of the texts that are read at once; a longer one is read by itself
# By KerasHub's base class, what makes it anew: `settings` decides it, `made` makes it.
KINDS = {
    "WordPieceTokenizer": word_pieces,
    "SentencePieceTokenizer": unigram,
    "BytePairTokenizer": byte_pairs,
}
_kept: WeakKeyDictionary[Any, tuple[Any, Any]] = WeakKeyDictionary()


def fast_tokenizer(
    tokenizer: "keras_hub.tokenizers.Tokenizer",
) -> "tokenizers.Tokenizer | None":
    """Returns what reads whole texts as a KerasHub tokenizer does.

    Args:
        tokenizer: one of KerasHub's, or one that has such a `tokenizers.Tokenizer` as `fast`.

    Returns:
        A `tokenizers.Tokenizer` without special tokens, truncation and padding; `None` for a
        user's own tokenizer, and for settings that it has no way to follow.
    """
    own = getattr(tokenizer, "fast", None)
    if own is not None:
        return own
    kind = _kind(tokenizer)
    if kind is None or getattr(tokenizer, "sequence_length", None):
        return None
    settings = kind.settings(tokenizer)
    kept = _kept.get(tokenizer)
    if kept is None or kept[0] != settings:  # its vocabulary was set anew, perhaps
        kept = _kept[tokenizer] = (settings, kind.made(tokenizer))
    return kept[1]


def token_ids(
    tokenizer: "keras_hub.tokenizers.Tokenizer", texts: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the token ids of N texts, special tokens left out.

    Args:
        tokenizer: what reads them, by `fast_tokenizer` or else called itself.
        texts: N strings.

    Returns:
        ids of shape `(M,)`, of the smallest type that holds the vocabulary, and int64 of shape
        `(N + 1,)`: where each text begins among them, and the last one ends.
    """
    plain = [readable(text) for text in texts]
    fast = fast_tokenizer(tokenizer)
    rows: list[Any]
    if fast is not None:
        rows = [row.ids for row in fast.encode_batch_fast(plain, add_special_tokens=False)]
    else:
        rows = [np.asarray(row).reshape(-1) for row in tokenizer(plain)] if plain else []
    kind = np.min_scalar_type(tokenizer.vocabulary_size())
    offsets = offsets_of([len(row) for row in rows])
    ids = np.empty(offsets[-1], kind)
    for row, start in zip(rows, offsets.tolist(), strict=False):
        ids[start : start + len(row)] = row
    return ids, offsets


def lots(texts: Sequence[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    """Yields rows of one or two columns of texts, so few at once that they need little memory."""
    start = characters = 0
    for row, cells in enumerate(zip(*texts, strict=True)):
        length = sum(map(len, cells))
        full = row - start == TEXTS_AT_ONCE or characters + length > CHARACTERS_AT_ONCE
        if full and row > start:
            yield [column[start:row] for column in texts]
            start, characters = row, 0
        characters += length
    if start < len(texts[0]):
        yield [column[start:] for column in texts]


def readable(text: str) -> str:
    """Returns a text without the characters that tokenizers would stumble over."""
    # Lone surrogates cannot be encoded, and TensorFlow's regular expressions would end a text at
    # a NUL, which BERT's own tokenizer removes.
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def as_preprocessed(
    preprocessor: "keras_hub.models.TextClassifierPreprocessor",
    long_texts: str = "truncate",
    overlap: int = 0,
    *,
    prefix: str = "",
    text_pairs: bool = False,
) -> "tokenizers.Tokenizer | None":
    """Returns what makes a model's inputs of texts, for programs that have `tokenizers` alone.

    It cuts to the preprocessor's `sequence_length`, unless the model does that itself, as it does
    with text pairs, and pads a batch to its longest text.

    Args:
        preprocessor: a `keras_hub.models.TextClassifierPreprocessor`.
        long_texts: `"truncate"`; `"windows"`: a text's windows after the first one are its
            `overflowing`; or `"head_tail"`, which the model reads of whole texts.
        overlap: int. Tokens that neighbouring windows share.
        prefix: str. Put before each text that is not empty.
        text_pairs: bool. Whether a row has two texts.

    Raises:
        ConfigError: for a prefix where it would stand at other places, too.

    Returns:
        A `tokenizers.Tokenizer` of its own, or `None` where `fast_tokenizer` returns that.
    """
    from tokenizers import Tokenizer, normalizers, processors

    own = preprocessor.tokenizer
    fast = fast_tokenizer(own)
    if fast is None:
        return None
    preprocessor([""], y=None)  # makes its packer
    before = list(preprocessor.packer.start_value or [])
    between = list(preprocessor.packer.sep_value or [])
    after = list(preprocessor.packer.end_value or [])
    names = {number: own.id_to_token(number) for number in [*before, *between, *after]}
    found = Tokenizer.from_str(fast.to_str())
    if prefix:
        if any(not token.special for token in fast.get_added_tokens_decoder().values()):
            # The steps before tokens are found are done for each part of a text between those.
            raise no_place_for(prefix)
        steps = [normalizers.Replace(UNSPELT, ""), normalizers.Prepend(prefix)]
        rest = [] if fast.normalizer is None else [fast.normalizer]
        found.normalizer = normalizers.Sequence([*steps, *rest])
    # Not added as special tokens, which would be found in texts, too.
    found.post_processor = processors.TemplateProcessing(
        single=[*(names[i] for i in before), "$A", *(names[i] for i in after)],
        pair=[
            *(names[i] for i in before),
            "$A",
            *(names[i] for i in between),
            "$B:1",
            *(f"{names[i]}:1" for i in after),
        ],
        special_tokens=[(name, number) for number, name in names.items()],
    )
    if long_texts != "head_tail" and not text_pairs:
        found.enable_truncation(preprocessor.sequence_length, stride=overlap)
    found.enable_padding(pad_id=own.pad_token_id, pad_token=own.id_to_token(own.pad_token_id))
    return found


def no_place_for(prefix: str) -> ConfigError:
    """Returns the refusal of a prefix that would stand at other places, too."""
    return ConfigError(
        f"tokenizer.json would put the prefix {prefix!r} before each part of a text "
        "between the tokens that were added to the backbone's tokenizer; write it into "
        'the texts, with prefix = "". A SavedModel can have it, where TensorFlow reads such '
        "texts: --format saved_model, in Python format='saved_model'"
    )


def _kind(tokenizer: "keras_hub.tokenizers.Tokenizer") -> Any:
    """Returns the module for a tokenizer of KerasHub's; a user's class may read otherwise."""
    if not type(tokenizer).__module__.startswith("keras_hub."):
        return None
    bases = (KINDS.get(base.__name__) for base in type(tokenizer).__mro__)
    return next((kind for kind in bases if kind is not None), None)
