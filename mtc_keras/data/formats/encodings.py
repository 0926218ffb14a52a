"""In which encoding a text is that is not UTF-8.

charset-normalizer tells scripts apart, from Cyrillic to Chinese. Of Latin letters a file often has
only a few beyond ASCII, of which the alphabets of languages say more than its measures do.
"""

import re

import charset_normalizer

from mtc_keras.data.formats.alphabets import CENTRAL, TURKISH, WESTERN, plausibility

UTF_8 = "utf-8"
MARKS = (
    (b"\xef\xbb\xbf", UTF_8),
    (b"\xff\xfe\x00\x00", "utf-32"),  # before UTF-16, which its first half is the mark of
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# Of two that read a text alike the first is told: the most common one.
LATIN = (
    ("cp1252", WESTERN),
    ("cp1250", CENTRAL),
    ("iso8859-15", WESTERN),
    ("iso8859-2", CENTRAL),
    ("cp1254", TURKISH),
    ("mac-roman", WESTERN),
    ("cp850", WESTERN),
    ("cp852", CENTRAL),
    ("latin-1", WESTERN),
)
OTHER_SCRIPTS = [
    *("cp1251", "koi8_r", "cp866", "cp1253", "cp1255", "cp1256", "cp874"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
]
_JAPANESE = ("cp932", "euc_jp")
_KANA = re.compile("[\u3041-\u30fc]")  # of full width: those of half width are any bytes
_KANA_ENOUGH = 0.3  # beyond ASCII; what is not Japanese has next to none in its encodings
_HEBREW = "cp1255"
_HEBREW_WORD = re.compile("[\u05d0-\u05ea]+")
_FINAL = re.compile("[ךםןףץ](?=[\u05d0-\u05ea])")  # forms of letters that end words
_HEBREW_ENOUGH = 0.9
_FEW_MISPLACED = 0.02  # such forms within a word, per letter; Russian or Greek read so has 0.1
_LATIN_ENOUGH = 0.85  # texts of a language reach 0.95, other scripts read as Latin 0.75
_OF_DOS = ("cp850", "cp852")
_MOST_BYTES = 20_000
_FEW_BYTES = 6  # beyond ASCII, of which no script can be told: a word or two
_MIXED = 0.1  # lines that are UTF-8 by chance are fewer


def marked(start: bytes) -> tuple[bytes, str] | None:
    """Returns the mark that the bytes of a file begin with, and the encoding it is of."""
    return next(((mark, name) for mark, name in MARKS if start.startswith(mark)), None)


def utf_16_without_mark(start: bytes) -> str | None:
    """Returns which UTF-16 bytes are that begin without a mark; `None` if they are none.

    In UTF-16 every other byte of what ASCII holds is zero; in other texts none is.
    """
    half = len(start) // 2
    first, second = start[::2].count(0), start[1::2].count(0)
    for encoding, zeros, others in (("utf-16-le", second, first), ("utf-16-be", first, second)):
        if zeros > 0.1 * half and others < 0.05 * zeros:
            return encoding
    return None


def encoding_of(sample: bytes) -> str | None:
    """Returns the encoding of lines that are not ASCII.

    Args:
        sample: whole lines.

    Returns:
        `"utf-8"` also if not all of its lines are, as nothing else is UTF-8 by chance; `None` if
        it cannot be told.
    """
    lines = [line for line in sample.split(b"\n") if not line.isascii()]
    others = [line for line in lines if not is_utf8(line)]
    if len(others) <= (1 - _MIXED) * len(lines):
        return UTF_8
    sample = b"\n".join(others)[:_MOST_BYTES]
    return _latin(sample) or _other_script(sample)


def is_utf8(line: bytes) -> bool:
    """Whether bytes are UTF-8."""
    try:
        line.decode(UTF_8)
    except UnicodeDecodeError:
        return False
    return True


def _latin(sample: bytes) -> str | None:
    best, most = None, _LATIN_ENOUGH
    for encoding, alphabets in LATIN:
        if encoding in _OF_DOS and b"\xff" in sample:  # there a blank, but one of no keyboard
            continue
        try:
            found = plausibility(sample.decode(encoding), alphabets)
        except UnicodeDecodeError:
            continue
        if found > most:
            best, most = encoding, found
    return best


def _other_script(sample: bytes) -> str | None:
    if len(sample) - len(sample.decode("ascii", "ignore")) < _FEW_BYTES:
        return None
    told = _japanese(sample) or (_HEBREW if _is_hebrew(sample) else None)
    if told is not None:
        return told
    found = charset_normalizer.from_bytes(sample, cp_isolation=OTHER_SCRIPTS).best()
    return None if found is None else found.encoding


def _japanese(sample: bytes) -> str | None:
    """Returns the encoding in which a text holds as many kana as Japanese does."""
    for encoding in _JAPANESE:
        text = _decoded(sample, encoding)
        if len(_KANA.findall(text)) > _KANA_ENOUGH * _beyond_ascii(text) > 0:
            return encoding
    return None


def _is_hebrew(sample: bytes) -> bool:
    """Whether a text is one of Hebrew letters, with the forms that end words at their ends.

    The bytes of its letters are those of small ones in Russian and Greek, and of capitals in KOI8.
    """
    text = _decoded(sample, _HEBREW)
    letters = sum(map(len, _HEBREW_WORD.findall(text)))
    if letters <= _HEBREW_ENOUGH * _beyond_ascii(text):
        return False
    return len(_FINAL.findall(text)) <= _FEW_MISPLACED * letters


def _decoded(sample: bytes, encoding: str) -> str:
    try:
        return sample.decode(encoding)
    except UnicodeDecodeError:  # at its end a character may be cut
        return sample[: sample.rfind(b"\n") + 1].decode(encoding, "replace")


def _beyond_ascii(text: str) -> int:
    return sum(not character.isascii() for character in text)
