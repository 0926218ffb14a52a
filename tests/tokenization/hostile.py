"""Texts that tokenizers have read differently."""

import unicodedata

from mtc_keras.export.texts import TEXTS

# Every division of such a run into pieces of equal scores is a tie.
RUNS = [letter * count for letter in "xroaehb!.…😀é" for count in range(1, 41)]
SORTS = [
    *TEXTS,
    *("<s>", "</s> and <pad>", "<unk>", "<mask>", "[CLS][SEP] x [MASK]", "[UNK] ##good"),
    *("<0x41> or <0xC3><0xA9>", "<0x4", "0x41>"),
    *("▁", "a▁", "▁▁b", " ▁ ", "a ▁ b  ", "\u3000wide\u3000", "\u00a0no break\u00a0"),
    *("\u200b", "\u00ad", "a\u200d", "\u0001", "\u0001 a", " \u0001 ", "\t", "\n\n", "a\tb\rc"),
    *("e\u0301", "E\u0301", "e\u0323\u0301", "a\u0338", "e\u0302\u0301", "\u0301", "\u00b2\u0301"),
    *("Tiê\u0301ng", "e\u0301\u0323", "e\u0323\u0301", "и\u0306", "\u0301a\u0327\u0301", "ç\u0301"),
    *(unicodedata.normalize("NFD", "Tiếng Việt ÉTÉ été"), "\r\n", "a\r\nb"),
    *("ﬁ ﬀ ﬃ", "① ² ½ ™ ㌔", "ＦＵＬＬ　ｗｉｄｔｈ", "각", "ǆ ǅ Ǆ", "İstanbul ı"),
    *("don't DON'T we'll", "1234567 12,345.67", "C'est l'été", "a--b - c – d", "..."),
    *("(([)]", "-" * 9, "-----", "a---b"),
    *(
        "Ა ა",
        "ẞ ß ſ",
        "ΣΊΣΥΦΟΣ",
        "ﾊﾝｶｸ",
        "\ufdfa",
        "👍🏽 👩‍👩‍👧‍👦 🇫🇷",
    ),
    *("\U000e0100", "x\u034fx"),
    *("𝒜𝒷 𝟘", "\U0001ffff \U00020000 𠀀 \U0010fffd", "\ue000", "\ufffe", "\x85a", "\u2028b"),
]
