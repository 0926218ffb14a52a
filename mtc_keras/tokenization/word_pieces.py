"""Word pieces as BERT reads them, put together of the steps of `tokenizers`.

KerasHub divides a text into words and folds their letters with TensorFlow Text; the same steps are
put together here from those of `tokenizers`. As `tokenizers` changes letters first and divides
words last, a line break, which no text has by then, stands between words until the end.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras_hub
    import tokenizers

END = "\n"  # of a word
# What TensorFlow's regular expressions know as white space and control characters …
DIVIDERS = r"[ \p{Cc}\p{Cf}]+"
# … as punctuation, and as characters of Chinese, which are words of their own.
PUNCTUATION = r"!-/:-@\[-`{-~\p{P}"
CHINESE = (
    r"\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}"
    r"\x{2B740}-\x{2B81F}\x{2B820}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}"
)
# Letters whose case folding is more than a small letter, and characters that it removes.
FOLDED = {
    "ß": "ss",
    "ς": "σ",
    "\u0345": "ι",
    r"[\x{34F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180D}\x{180F}\x{FE00}-\x{FE0F}"
    r"\x{E0100}-\x{E01EF}]": "",
}
MOST_BYTES = 100  # of a word; what is longer is unknown
# `tokenizers` counts characters: runs of so many that have 2, 3 or 4 bytes are too long for sure.
TOO_LONG = r"[\x{80}-\x{10FFFF}]{51,}|[\x{800}-\x{10FFFF}]{34,}|[\x{10000}-\x{10FFFF}]{26,}"
UNKNOWN = "\x01"  # part of no word piece


def settings(tokenizer: "keras_hub.tokenizers.WordPieceTokenizer") -> Any:
    """Returns all that decides how a tokenizer reads texts."""
    words = (tokenizer.split, tokenizer.split_on_cjk, tokenizer.special_tokens_in_strings)
    letters = (tokenizer.lowercase, tokenizer.strip_accents)
    return tokenizer.vocabulary, tokenizer.suffix_indicator, tokenizer.oov_token, words, letters


def made(tokenizer: "keras_hub.tokenizers.WordPieceTokenizer") -> "tokenizers.Tokenizer | None":
    """Returns a `tokenizers.Tokenizer` that reads texts as KerasHub's word pieces do.

    Returns:
        `None` for a tokenizer of texts divided before, or one that looks for special tokens.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    if not tokenizer.split or tokenizer.special_tokens_in_strings:
        return None

    def replace(pattern: str, by: str) -> Any:
        return normalizers.Replace(Regex(pattern), by)

    alone = f"[{PUNCTUATION}{CHINESE if tokenizer.split_on_cjk else ''}]"
    steps = [replace(r"\x00", ""), replace(DIVIDERS, END)]
    if tokenizer.strip_accents:
        steps += [normalizers.NFD(), replace(r"\p{Mn}", "")]
    # `tokenizers` loses count of letters where nothing, at the very beginning, becomes something.
    steps += [normalizers.Prepend(END), replace(f"(?={alone})|(?<={alone})", END)]
    if tokenizer.lowercase:
        steps += [normalizers.NFKD(), normalizers.Lowercase()]
        steps += [replace(pattern, by) for pattern, by in FOLDED.items()]
        steps.append(normalizers.NFC())
    steps.append(replace(TOO_LONG, UNKNOWN))

    vocabulary = {piece: number for number, piece in enumerate(tokenizer.get_vocabulary())}
    found = Tokenizer(
        models.WordPiece(
            vocabulary,
            unk_token=tokenizer.oov_token,
            max_input_chars_per_word=MOST_BYTES,
            continuing_subword_prefix=tokenizer.suffix_indicator,
        )
    )
    found.normalizer = normalizers.Sequence(steps)
    found.pre_tokenizer = pre_tokenizers.Split(END, "removed")
    return found
