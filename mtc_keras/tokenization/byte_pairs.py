"""Byte pairs as GPT-2 and RoBERTa read them, put together of the steps of `tokenizers`.

KerasHub 0.32 divides texts into words by the pattern of Llama 3 when it is called in Python, by
GPT-2's in a graph. RoBERTa was trained with GPT-2's.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras_hub
    import tokenizers

UNKNOWN = "<unk>"


def settings(tokenizer: "keras_hub.tokenizers.BytePairTokenizer") -> Any:
    """Returns all that decides how a tokenizer reads texts."""
    return tokenizer.vocabulary, tokenizer.merges, tokenizer.add_prefix_space


def made(tokenizer: "keras_hub.tokenizers.BytePairTokenizer") -> "tokenizers.Tokenizer":
    """Returns a `tokenizers.Tokenizer` that reads texts as RoBERTa's does.

    A special token that a text spells is text.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    merges = [tuple(merge.split(" ")) for merge in tokenizer.merges if "#version:" not in merge]
    vocabulary = dict(tokenizer.vocabulary)
    unknown = UNKNOWN if UNKNOWN in vocabulary else None
    found = Tokenizer(models.BPE(vocabulary, merges, unk_token=unknown))
    found.normalizer = normalizers.Replace("\0", "")
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=tokenizer.add_prefix_space)
    return found
