"""Texts that are nearly the same: found by MinHash, and then compared exactly.

Two texts are as similar as the Jaccard index of their shingles says: of the runs of five characters
that either has, the share that both have. Case, punctuation, symbols and blanks do not count.

Shapes: N texts, of which D differ in what counts; P pairs of those.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np

THRESHOLD = 0.8
WIDTH = 5  # characters of a shingle
# Texts are compared that agree in all hashes of a band: of pairs of a similarity of 0.8, 99.8 %;
# of 0.9, all but one of a billion.
BANDS, HASHES_PER_BAND = 16, 5
MOST_COMPARED = 100  # candidates for one text; of templates nearly all texts would be
AT_ONCE = 10_000  # shingles that are hashed at once


@dataclass(frozen=True, eq=False)
class NearDuplicates:
    """Which of N texts are nearly the same.

    Args:
        number: int64 of shape `(N,)`, equal for texts that are the same in what counts.
        pairs: int64 of shape `(P, 2)`, numbers of texts that are nearly the same, each pair once.
        similarity: float64 of shape `(P,)`, the Jaccard index of each pair.
        cluster: int64 of shape `(N,)`, equal for texts that are joined by pairs.
        crowded: int. How many texts have so many candidates that not all were compared with them.
    """

    number: np.ndarray
    pairs: np.ndarray
    similarity: np.ndarray
    cluster: np.ndarray
    crowded: int


def near_duplicates(texts: Sequence[str], threshold: float = THRESHOLD) -> NearDuplicates:
    """Finds texts that are nearly the same.

    The candidates are those of locality-sensitive hashing of MinHashes (Leskovec, Rajaraman and
    Ullman, "Mining of Massive Datasets", chapter 3), by `datasketch`. No pair is told whose
    shingles have not been compared; a pair at the threshold is missed two times in a thousand.

    Args:
        texts: N strings.
        threshold: float. Jaccard index of texts that are nearly the same, above 0.

    Returns:
        The `NearDuplicates`.
    """
    numbers: dict[str, int] = {}
    number = np.array([numbers.setdefault(plain(text), len(numbers)) for text in texts], "int64")
    pairs, similarity, crowded = _pairs(list(numbers), threshold)
    return NearDuplicates(
        number, pairs, similarity, _components(len(numbers), pairs)[number], crowded
    )


def _pairs(texts: Sequence[str], threshold: float) -> tuple[np.ndarray, np.ndarray, int]:
    from datasketch import MinHash, MinHashLSH  # type: ignore[import-untyped]

    shingles_of = lru_cache(4096)(lambda number: shingles(texts[number]))
    hashes = BANDS * HASHES_PER_BAND
    index = MinHashLSH(num_perm=hashes, params=(BANDS, HASHES_PER_BAND))
    empty = MinHash(num_perm=hashes, hashfunc=_hash)
    found: list[tuple[int, int]] = []
    similarities: list[float] = []
    crowded = 0
    for number, text in enumerate(texts):
        own, sketch = shingles(text), empty.copy()
        ordered = list(own)
        for start in range(0, len(ordered), AT_ONCE):
            sketch.update_batch(ordered[start : start + AT_ONCE])
        candidates = sorted(index.query(sketch))
        # Those of a template stand for the others, which are found by them.
        if len(candidates) < MOST_COMPARED:
            index.insert(number, sketch)
        else:
            crowded += 1
        for other in candidates:
            similarity = jaccard(own, shingles_of(other))
            if similarity >= threshold:
                found.append((other, number))
                similarities.append(similarity)
    return np.array(found, "int64").reshape(-1, 2), np.array(similarities), crowded


def plain(text: str) -> str:
    """Returns what counts of a text: its words in lower case; all of it if it has none."""
    words = unicodedata.normalize("NFKC", text).casefold().translate(_BLANKS).split()
    return f" {' '.join(words or text.split())} "


def shingles(text: str) -> frozenset[str]:
    """Returns the runs of `WIDTH` characters of a plain text; a shorter one is its only one."""
    return frozenset(text[start : start + WIDTH] for start in range(max(len(text) - WIDTH + 1, 1)))


def jaccard(own: frozenset[str], other: frozenset[str]) -> float:
    """Returns the share of the shingles of either text that both have."""
    both = len(own & other)
    return both / (len(own) + len(other) - both)


def _hash(shingle: str) -> int:
    return crc32(shingle.encode("utf-8", "surrogatepass"))  # the same in every process


def _components(count: int, pairs: np.ndarray) -> np.ndarray:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = (np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1]))
    return connected_components(coo_array(edges, (count, count)), directed=False)[1].astype("int64")


class _Blanks(dict[int, int]):
    """What each character becomes: a blank, if it is no part of a word."""

    def __missing__(self, code: int) -> int:
        is_word = unicodedata.category(chr(code))[0] in "LNM"
        self[code] = code if is_word else 32
        return self[code]


_BLANKS = _Blanks()
