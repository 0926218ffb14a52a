"""Attention of whole texts and of windows, in memory that does not grow with a text's square.

Shapes: B texts, T tokens, N heads, H numbers per head, W tokens per block.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

# Above LONG tokens, this many queries at once are compared with all keys.
LONG, QUERIES = 1024, 512
# Wider blocks of a local window hold as many scores as the attention of all tokens to all.
WIDEST_BLOCK = 512


def global_attention(query: Any, key: Any, value: Any, real: Any) -> Any:
    """Returns what each token reads of all real tokens.

    Of long texts, a block of queries after the other, each computed once more for its gradient
    (Rabe and Staats 2021, "Self-attention Does Not Need O(n²) Memory", arXiv 2112.05682), as far
    as the number of tokens is known when the graph is made.

    Args:
        query: float of shape `(B, T, N, H)`.
        key: float of shape `(B, T, N, H)`.
        value: float of shape `(B, T, N, H)`.
        real: bool of shape `(B, T)`, true for real tokens.

    Returns:
        float of shape `(B, T, N, H)`.
    """
    tokens = query.shape[1]
    mask = real[:, None, None, :]  # (B, 1, 1, T)
    if tokens is None or tokens <= LONG:
        return ops.dot_product_attention(query, key, value, mask=mask)
    blocks = -(-tokens // QUERIES)
    width, size = query.shape[2:]
    padded = _padded(query, 0, blocks * QUERIES - tokens)
    parts = ops.reshape(padded, (-1, blocks, QUERIES, width, size))
    found = ops.map(
        keras.remat(lambda part: ops.dot_product_attention(part, key, value, mask=mask)),
        ops.moveaxis(parts, 1, 0),  # (blocks, B, QUERIES, N, H)
    )
    joined = ops.reshape(ops.moveaxis(found, 0, 1), (-1, blocks * QUERIES, width, size))
    return joined[:, :tokens]


def local_attention(query: Any, key: Any, value: Any, real: Any, distance: int) -> Any:
    """Returns what each token reads of the real tokens near it.

    Blocks of `distance` tokens read their own and both neighbouring blocks, as Longformer does
    (Beltagy et al. 2020, arXiv 2004.05150): time and memory grow as the text does.

    Args:
        query: float of shape `(B, T, N, H)`.
        key: float of shape `(B, T, N, H)`.
        value: float of shape `(B, T, N, H)`.
        real: bool of shape `(B, T)`, true for real tokens.
        distance: int. Tokens further away are not read.

    Returns:
        float of shape `(B, T, N, H)`.
    """
    tokens = query.shape[1]
    if distance > WIDEST_BLOCK or (tokens is not None and tokens <= 3 * distance):
        places = ops.arange(ops.shape(query)[1])
        near = ops.abs(places[:, None] - places) <= distance  # (T, T)
        mask = ops.logical_and(near, real[:, None, None, :])  # (B, 1, T, T)
        return ops.dot_product_attention(query, key, value, mask=mask)
    texts, tokens, width, size = ops.shape(query)
    own = (tokens + distance - 1) // distance * distance  # whole blocks
    queries = _blocks(_padded(query, 0, distance - 1)[:, :own], distance)  # (B * blocks, W, N, H)
    keys, values, reals = (_neighbours(each, own, distance) for each in (key, value, real))
    offsets = np.arange(-distance, 2 * distance) - np.arange(distance)[:, None]  # (W, 3 W)
    mask = ops.logical_and(np.abs(offsets) <= distance, reals[:, None, None, :])
    found = ops.dot_product_attention(queries, keys, values, mask=mask)
    return ops.reshape(found, (texts, own, width, size))[:, :tokens]


def _neighbours(values: Any, own: Any, distance: int) -> Any:
    """Returns each block with those before and after it, `(B * blocks, 3 W, …)`."""
    # One block before the first, and enough for one after the last, however many are left over.
    padded = _padded(values, distance, 2 * distance - 1)
    shifted = (padded[:, start : start + own] for start in (0, distance, 2 * distance))
    return ops.concatenate([_blocks(each, distance) for each in shifted], axis=1)


def _blocks(values: Any, size: int) -> Any:
    return ops.reshape(values, (-1, size, *values.shape[2:]))


def _padded(values: Any, before: int, after: int) -> Any:
    """Returns values with tokens of zeros (or `False`) at both ends."""
    return ops.pad(values, [(0, 0), (before, after), *[(0, 0)] * (len(values.shape) - 2)])
