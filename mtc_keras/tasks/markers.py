"""Texts that mean "no label is known" in files that have no null."""

# What `pandas.read_csv` reads as missing by default, but for the empty cell; held by a test, as
# pandas shows its own list only in words.
MARKERS = frozenset(
    [
        *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
        *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    ]
)
