"""Characters that a text got on its way here, and that no one typed."""

import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.errors import listed, plural

MANY = 0.01  # of all rows
WORD = re.compile(r"\w")
CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x9f]")
PRIVATE = re.compile("[\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]")
UNSEEN = re.compile("[\xad\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
# Joiners of emoji, Persian and Indic words are none of them.
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,31}\d{0,2});")
TAG = re.compile(
    r"</?(?:a|abbr|b|blockquote|body|br|code|div|em|font|h[1-6]|head|hr|html|i|iframe|img|input|li|"
    r"link|meta|ol|option|p|pre|script|section|small|span|strong|style|sub|sup|svg|table|tbody|td|"
    r"th|thead|title|tr|u|ul)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\n(?![a-z])|\\t(?![a-z])")
ACCENT = re.compile("[\u0300-\u036f]")


@dataclass(frozen=True)
class Oddity:
    """One sort of characters that texts should not have.

    Args:
        name: that of its table.
        what: what such texts have, in words.
        remedy: what would help.
        is_in: whether a text has it.
        ascii: bool. Whether a text of ASCII alone can have it.
    """

    name: str
    what: str
    remedy: str
    is_in: Callable[[str], object]
    ascii: bool = False


def odd_characters(pooled: Pooled) -> Iterator[Finding]:
    """Finds texts with traces of a wrong encoding, of markup and of characters without a look."""
    found: dict[str, list[int]] = {oddity.name: [] for oddity in ODDITIES}
    for row, text in enumerate(pooled.texts):
        for oddity in ASCII_ODDITIES if text.isascii() else ODDITIES:
            if oddity.is_in(text):
                found[oddity.name].append(row)
    for oddity in ODDITIES:
        if rows := found[oddity.name]:
            yield _told(pooled, oddity.name, rows, oddity.what, oddity.remedy)
    decomposed = [row for row, text in enumerate(pooled.texts) if _is_decomposed(text)]
    # A file whose accents all stand apart is read as well as any: the tokenizer sees to it.
    composed = any(_has_composed(text) for text in pooled.texts) if decomposed else False
    if decomposed and composed:
        yield _told(
            pooled,
            "mixed_accents",
            decomposed,
            "accents as characters of their own, where others have them as part of the letter",
            "make them alike: unicodedata.normalize('NFC', text)",
        )


def odd_class_names(pooled: Pooled) -> Iterator[Finding]:
    """Finds names of classes with the same traces."""
    for task in pooled.tasks:
        odd = {
            name: oddity
            for oddity in reversed(ODDITIES)
            for name in task.known_classes
            if oddity.is_in(name)
        }
        if odd:
            names = [name for name in task.known_classes if name in odd]
            yield Finding(
                f"odd_class_names_{task.name}",
                "warning",
                f"{plural(len(names), 'class')} with {odd[names[0]].what}, in their names: "
                f"{listed(names, 5)}",
                len(names),
                odd[names[0]].remedy,
                about=task.name,
                table=[{"class": name, "trace": odd[name].name} for name in names],
            )


def _told(pooled: Pooled, name: str, rows: list[int], what: str, remedy: str) -> Finding:
    many = len(rows) >= MANY * len(pooled)
    return Finding(
        name,
        "warning" if many else "note",
        f"{pooled.counted(rows, 'text', len(pooled))} with {what}",
        len(rows),
        remedy,
        places=pooled.places(rows),
        table=pooled.table(rows),
    )


def is_mojibake(text: str) -> bool:
    """Whether a text was written in UTF-8 and read as something else, such as `Ã©` for `é`."""
    from ftfy import fix_encoding
    from ftfy.badness import is_bad

    return is_bad(text) and fix_encoding(text) != text


def _has_entity(text: str) -> bool:
    return "&" in text and any(html.unescape(one) != one for one in ENTITY.findall(text))


def _has_tag(text: str) -> bool:
    return "<" in text and TAG.search(text) is not None


def _is_decomposed(text: str) -> bool:
    return (
        not text.isascii()
        and bool(ACCENT.search(text))
        and not unicodedata.is_normalized("NFC", text)
    )


def _has_composed(text: str) -> bool:
    return not text.isascii() and unicodedata.normalize("NFD", text) != text


REREAD = (
    'the file is read in a wrong encoding: data.encoding = "cp1252" or such; or it was written so'
)
ODDITIES = (
    Oddity("mojibake", "UTF-8 read as something else, such as Ã© for é", REREAD, is_mojibake),
    Oddity(
        "replacement_characters",
        "U+FFFD, which stands where a character was lost",
        "it was lost when the file was written; get it anew from its source",
        lambda text: "\ufffd" in text,
    ),
    Oddity("control_characters", "control characters", REREAD, CONTROL.search, ascii=True),
    Oddity(
        "private_characters",
        "characters of private use, which mean something in one font alone",
        "replace them, or leave them out, before training and before predicting",
        PRIVATE.search,
    ),
    Oddity(
        "unseen_characters",
        "characters without a look: blanks of no width, soft hyphens, byte order marks, "
        "marks of direction",
        "words with them are other words to the model: leave them out",
        UNSEEN.search,
    ),
    Oddity(
        "html_entities",
        "HTML entities such as &amp;",
        "html.unescape(text) makes characters of them",
        _has_entity,
        ascii=True,
    ),
    Oddity(
        "html_tags",
        "HTML tags such as <br>",
        "leave them out if the texts to predict have none",
        _has_tag,
        ascii=True,
    ),
    Oddity(
        "escapes",
        "escapes as text, such as \\u00e9 for é or \\n for a new line",
        "they were escaped twice when they were written; json.loads reads them",
        lambda text: "\\" in text and ESCAPE.search(text),
        ascii=True,
    ),
)
ASCII_ODDITIES = tuple(oddity for oddity in ODDITIES if oddity.ascii)
