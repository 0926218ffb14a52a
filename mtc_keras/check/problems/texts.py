"""Texts that say little, and texts of which little is read."""

import re
from collections.abc import Callable, Iterator

import numpy as np

from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.errors import plural
from mtc_keras.pages.blocks import Severity

MANY = 0.01  # of all rows
MANY_CUT = 0.1
LEAST_CHARACTERS, TIMES = 2_000, 10  # of a very long text, and times the length of most others
MOST = 0.99  # of the others
WORD = re.compile(r"[^\W_]")
# Addresses, and names of people that a platform marks so.
ADDRESS = re.compile(r"(?:https?://|www\.)\S+|[@#]\w+", re.IGNORECASE)


def empty_texts(pooled: Pooled) -> Iterator[Finding]:
    """Finds texts without any character that can be seen; of a pair, either of the two."""
    texts = (texts for rows in pooled.splits for texts in zip(*rows.texts, strict=True))
    empty = [any(not text.strip(INVISIBLE) for text in pair) for pair in texts]
    rows = np.flatnonzero(empty)
    if len(rows):
        yield _texts(
            pooled,
            "empty_texts",
            rows,
            "an empty text",
            "warning",
            "a head learns how often each label goes without a text; leave the rows out, or is "
            f"{pooled.checked.config.data.text!r} (data.text) the right column?",
        )


def wordless_texts(pooled: Pooled) -> Iterator[Finding]:
    """Finds texts of punctuation, symbols and addresses alone."""

    def is_wordless(text: str) -> bool:
        return bool(text.strip(INVISIBLE)) and not WORD.search(ADDRESS.sub("", text))

    rows = _rows(pooled, is_wordless)
    if len(rows):
        yield _texts(
            pooled,
            "wordless_texts",
            rows,
            "a text without a word: punctuation, symbols, links or names of users",
            "warning" if len(rows) >= MANY * len(pooled) else "note",
            "look at what is left of them, as when links were cut out",
        )


def one_word_texts(pooled: Pooled) -> Iterator[Finding]:
    """Finds texts of a single word."""
    rows = _rows(pooled, lambda text: len(text.split()) == 1 and WORD.search(text) is not None)
    # A language that is written without blanks has no such words.
    rows = np.array([row for row in rows if len(pooled.texts[row].strip()) < 30], "int64")
    if len(rows) >= MANY * len(pooled):
        yield _texts(
            pooled,
            "one_word_texts",
            rows,
            "a text of one word",
            "note",
            "fine for searches and chats; else a column or a line may be cut short",
        )


def very_long_texts(pooled: Pooled) -> Iterator[Finding]:
    """Finds texts that are far longer than nearly all others."""
    sizes = np.array([len(text) for text in pooled.texts])
    if not len(sizes):
        return
    most = float(np.quantile(sizes, MOST, method="inverted_cdf"))
    rows = np.flatnonzero(sizes > max(LEAST_CHARACTERS, TIMES * most))
    if len(rows):
        rows = rows[np.argsort(-sizes[rows], kind="stable")]
        yield Finding(
            "very_long_texts",
            "warning",
            f"{plural(len(rows), 'text')} of up to {sizes[rows[0]]:,} characters, where {MOST:.0%} "
            f"of the others have {most:,.0f} at most",
            len(rows),
            "a quote that is never closed joins rows to one: look at them, and at data.quoting",
            places=pooled.places(rows),
            table=pooled.table(rows, characters=sizes[rows].tolist()),
        )


def cut_texts(pooled: Pooled) -> Iterator[Finding]:
    """Finds texts of more tokens than the model reads."""
    model, data = pooled.checked.config.model, pooled.checked.config.data
    if model.long_texts == "windows":
        return  # which read all of them
    sizes = np.concatenate([pooled.checked.lengths[name] for name in pooled.names])
    rows = np.flatnonzero(sizes > model.max_length)
    if not len(rows):
        return
    cut = int((sizes[rows] - model.max_length).sum())
    enough = int(np.quantile(sizes, MOST, method="inverted_cdf"))
    remedies = [(enough, f"{MOST:.0%} of all texts whole"), (int(sizes.max()), "all of them")]
    most = pooled.checked.most_tokens or int(sizes.max())
    remedy = 'long_texts = "windows" reads texts of any length'
    for length, what in remedies:
        if model.max_length < length <= most:  # more than that the backbone cannot read
            remedy = f"max_length = {length} reads {what}; {remedy}"
            break
    what = f"cut at max_length = {model.max_length} tokens, {cut / sizes.sum():.1%} of all"
    if data.too_long == "drop":
        what = f"of over max_length = {model.max_length} tokens; those of train are left out"
    rows = rows[np.argsort(-sizes[rows], kind="stable")]
    yield Finding(
        "cut_texts",
        "warning" if len(rows) >= MANY_CUT * len(pooled) else "note",
        f"{pooled.counted(rows, 'text', len(pooled))} {what}",
        len(rows),
        remedy,
        places=pooled.places(rows),
        table=pooled.table(rows, tokens=sizes[rows].tolist()),
    )


# What `str.strip` leaves: joiners, marks of direction, byte order marks, soft hyphens.
INVISIBLE = " \t\r\n\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e"
INVISIBLE += "".join(
    map(chr, [*range(0x2000, 0x2010), *range(0x2028, 0x2030), *range(0x205F, 0x2070)])
)
INVISIBLE += "\u3000\u3164\ufeff\uffa0"


def _rows(pooled: Pooled, is_one: Callable[[str], bool]) -> np.ndarray:
    return np.array([row for row, text in enumerate(pooled.texts) if is_one(text)], "int64")


def _texts(
    pooled: Pooled, name: str, rows: np.ndarray, what: str, severity: Severity, remedy: str
) -> Finding:
    return Finding(
        name,
        severity,
        f"{pooled.counted(rows, 'row', len(pooled))} with {what}",
        len(rows),
        remedy,
        places=pooled.places(rows),
        table=pooled.table(rows),
    )
