"""Texts that mean "no label is known" in files that have no null."""

from functools import lru_cache

from mtc_keras.tasks.spelling import class_name, fraction, is_whole

# What `pandas.read_csv` reads as missing by default, but for the empty cell; held by a test, as
# pandas shows its own list only in words. And null of MySQL, PostgreSQL and Hive.
MARKERS = frozenset(
    [
        *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
        *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
        "\\N",
    ]
)


def marker_key(value: object) -> str | None:
    """Returns what spellings of one marker share, `""` for blank text, `None` for what is none.

    As of classes, `-1`, `-1.0` and the number are one.
    """
    if isinstance(value, str):
        return _text_key(value)
    return class_name(value) if is_whole(value) else fraction(value) or None


@lru_cache(2**14)  # asked of every cell of a table, most of which are the same few texts
def _text_key(text: str) -> str:
    return class_name(text) if text.strip() else ""
