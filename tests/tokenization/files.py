"""Tiny files of Hugging Face's package `tokenizers`, one per kind of model."""

import functools
import json

import numpy as np
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

WORDS = (
    "le la les une rue rues était 2024 don't won't été école naïve cœur ça queue office office's"
)
TEXTS = [" ".join(np.random.default_rng(seed).permutation(WORDS.split())) for seed in range(40)]
ROLES = {
    "start_token": "[CLS]",
    "end_token": "[SEP]",
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "mask_token": "[MASK]",
}
TEMPLATE = {"single": "[CLS] $A [SEP]", "pair": "[CLS] $A [SEP] $B:1 [SEP]:1"}


def byte_pairs() -> Tokenizer:
    """Returns byte pairs as ModernBERT's: specials and runs of blanks are added afterwards."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.add_tokens([AddedToken(" " * count, normalized=False) for count in (4, 3, 2)])
    tokenizer.add_special_tokens(list(ROLES.values()))
    return with_template(tokenizer)


def word_pieces() -> Tokenizer:
    """Returns word pieces of whole words: a special token in a text would be such a word."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    specials = list(ROLES.values())
    trainer = trainers.WordPieceTrainer(
        vocab_size=120, special_tokens=specials, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return with_template(tokenizer)


def pieces_of_bytes() -> Tokenizer:
    """Returns byte pairs as Gemma's: words with "▁", and single bytes for what is unknown."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(" "), "merged_with_previous")
    bytes_ = [f"<0x{number:02X}>" for number in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=[*ROLES.values(), *bytes_], show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    content = json.loads(tokenizer.to_str())  # where bytes are pieces, and no added tokens
    content["added_tokens"] = content["added_tokens"][: len(ROLES)]
    return with_template(Tokenizer.from_str(json.dumps(content)))


def unigram() -> Tokenizer:
    """Returns a Unigram model that would read "[SEP]" in a text as its piece of that name."""
    letters = sorted({letter for letter in WORDS if letter != " "} | {"▁"})
    pieces = [f"▁{word}" for word in WORDS.split()]
    # Scores of their own, as equal ones leave open which pieces a text has.
    scored = [(piece, -3 - 0.37 * place) for place, piece in enumerate([*pieces, *letters])]
    tokenizer = Tokenizer(models.Unigram([*((s, 0.0) for s in ROLES.values()), *scored], unk_id=3))
    tokenizer.add_special_tokens(list(ROLES.values()))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return with_template(tokenizer)


def with_template(tokenizer: Tokenizer) -> Tokenizer:
    ids = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(special_tokens=ids, **TEMPLATE)
    return tokenizer


@functools.cache
def tokenizer_json(kind: str) -> str:
    """Returns the content of a tokenizer.json."""
    return KINDS[kind]().to_str()


KINDS = {
    "byte pairs": byte_pairs,
    "word pieces": word_pieces,
    "pieces of bytes": pieces_of_bytes,
    "unigram": unigram,
}
