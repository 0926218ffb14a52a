"""Word pieces as `tokenizer.json`, which the package `tokenizers` reads from many languages.

KerasHub divides a text into words and folds their letters with TensorFlow Text; the same steps are
put together here from those of `tokenizers`. As `tokenizers` changes letters first and divides
words last, a line break, which no text has by then, stands between words until the end. A
self-test compares the tokens of both.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras_hub

END = "\n"  # of a word
# What TensorFlow's regular expressions know as white space and control characters …
DIVIDERS = r"[ \p{Cc}\p{Cf}]+"
# … as punctuation, and as characters of Chinese, which are words of their own.
ALONE = (
    r"[!-/:-@\[-`{-~\p{P}"
    r"\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}"
    r"\x{2B740}-\x{2B81F}\x{2B820}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]"
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


def tokenizer_json(
    preprocessor: "keras_hub.models.TextClassifierPreprocessor",
    long_texts: str = "truncate",
    overlap: int = 0,
) -> str:
    """Returns the tokenizer of a text classifier as the JSON of `tokenizers`.

    It cuts to the preprocessor's `sequence_length`, unless the model does that itself, and pads a
    batch to its longest text.

    Args:
        preprocessor: a `keras_hub.models.TextClassifierPreprocessor` of word pieces.
        long_texts: `"truncate"`; `"windows"`: a text's windows after the first one are its
            `overflowing`; or `"head_tail"`, which the model reads of whole texts.
        overlap: int. Tokens that neighbouring windows share.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    own = preprocessor.tokenizer

    def replace(pattern: str, by: str) -> Any:
        return normalizers.Replace(Regex(pattern), by)

    steps = [replace(r"\x00", ""), replace(DIVIDERS, END)]
    if own.strip_accents:
        steps += [normalizers.NFD(), replace(r"\p{Mn}", "")]
    # `tokenizers` loses count of letters where nothing, at the very beginning, becomes something.
    steps += [normalizers.Prepend(END), replace(f"(?={ALONE})|(?<={ALONE})", END)]
    if own.lowercase:
        steps += [normalizers.NFKD(), normalizers.Lowercase()]
        steps += [replace(pattern, by) for pattern, by in FOLDED.items()]
        steps.append(normalizers.NFC())
    steps.append(replace(TOO_LONG, UNKNOWN))

    vocabulary = {piece: number for number, piece in enumerate(own.get_vocabulary())}
    found = Tokenizer(
        models.WordPiece(
            vocabulary,
            unk_token=own.oov_token,
            max_input_chars_per_word=MOST_BYTES,
            continuing_subword_prefix=own.suffix_indicator,
        )
    )
    found.normalizer = normalizers.Sequence(steps)
    found.pre_tokenizer = pre_tokenizers.Split(END, "removed")
    # Not added as special tokens, which would be found in texts, too.
    start, end = own.cls_token, own.sep_token
    found.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        special_tokens=[(start, own.cls_token_id), (end, own.sep_token_id)],
    )
    if long_texts != "head_tail":
        found.enable_truncation(preprocessor.sequence_length, stride=overlap)
    found.enable_padding(pad_id=own.pad_token_id, pad_token=own.pad_token)
    return found.to_str()
