"""Scripts and languages of texts, as far as letters and small words show them."""

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

from mtc_keras.check.checked import Checked
from mtc_keras.data.rows import Rows
from mtc_keras.init.language import language_of_one
from mtc_keras.pages import Block, Column, Paragraph, Part, Section, Table

NO_LETTERS, NOT_TOLD = "no letters", "not told"
NO_SCRIPT = ("Zyyy", "Zinh", "Zzzz")  # digits and signs, marks, what Unicode does not know
LATIN = "Latn"


def language_part(checked: Checked) -> Part:
    """Returns the part on the script and language of each text."""
    scripts = {name: _counted(rows, script_of) for name, rows in checked.splits.items()}
    languages = {name: _counted(rows, _language) for name, rows in checked.splits.items()}
    blocks: list[Block] = [
        _table(scripts, "script"),
        _table(languages, "language"),
        Paragraph(
            "A text's script is that of most of its letters. Its language is told by small words, "
            "such as “the” or “les”: three or more of one language, and twice as many as of any "
            "other; short texts often have none."
        ),
    ]
    values = {"scripts": scripts, "languages": languages}
    return Part(Section("Scripts and languages", blocks, "languages"), values)


def script_of(text: str) -> str:
    """Returns the Unicode script of most of a text's letters, such as `"Latin"`."""
    from fontTools.unicodedata import script_name

    if text.isascii():
        code = LATIN if any(map(str.isalpha, text)) else ""
    else:
        letters = Counter(map(_script, filter(str.isalpha, text)))
        for nothing in NO_SCRIPT:
            letters.pop(nothing, None)
        code = letters.most_common(1)[0][0] if letters else ""
    return script_name(code).replace("_", " ") if code else NO_LETTERS


@cache
def _script(letter: str) -> str:
    from fontTools.unicodedata import script

    return script(letter)


def _language(text: str) -> str:
    return language_of_one(text) or NOT_TOLD


def _counted(rows: Rows, name: Callable[[str], str]) -> dict[str, int]:
    """Returns how many texts have each name, the most frequent one first; pairs count as two."""
    counts = Counter(name(text) for column in rows.texts for text in column)
    return dict(counts.most_common())


def _table(splits: dict[str, dict[str, int]], title: str) -> Table:
    totals: Counter[str] = Counter()
    for counts in splits.values():
        totals.update(counts)
    columns, rows = [Column(title)], [[name] for name, _ in totals.most_common()]
    for split, counts in splits.items():
        columns += [Column(split, "count"), Column("share", "share")]
        for row in rows:
            count: Any = counts.get(row[0], 0)
            row += [count, count / max(sum(counts.values()), 1)]
    return Table(columns, rows, shown=10)
