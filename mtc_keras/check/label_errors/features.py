"""What is known of each text without training: a frozen backbone's states, and its words.

Shapes: N texts, W windows of all of them together, D features.
"""

from typing import Any

import keras
import numpy as np

from mtc_keras.data.long_texts import AnyTokens
from mtc_keras.data.tokens import Tokens
from mtc_keras.data.windows import Windows
from mtc_keras.devices import hardware
from mtc_keras.devices.forward import Forward
from mtc_keras.model.pooling import pool
from mtc_keras.model.prediction import prediction_batches

POOLINGS = ("mean", "cls")
PIECES = "token_ids"
MOST_DIRECTIONS = 256  # of word frequencies
MOST_FEATURES = 1024  # in all: fitting takes as much longer as there are more


def row_features(backbone: keras.Model, tokens: AnyTokens, seed: int) -> np.ndarray:
    """Returns all features of N texts, float32 of shape `(N, D)`; of many the main directions.

    Args:
        backbone: the `keras_hub.models.Backbone` that is asked.
        tokens: the `Tokens` or `Windows` of N texts.
        seed: int. Of the projection of words.
    """
    features = np.concatenate(
        [text_features(backbone, tokens), word_features(tokens, seed)], axis=1
    )
    if features.shape[1] <= MOST_FEATURES:
        return features
    # Not standardised again: the directions of little variance are those of little worth.
    covariance = features.T @ features / len(features)
    _, directions = np.linalg.eigh(covariance.astype("float64"))  # ascending
    return np.asarray(features @ directions[:, -MOST_FEATURES:].astype("float32"))


def text_features(backbone: keras.Model, tokens: AnyTokens) -> np.ndarray:
    """Returns the mean and the first of the states of each text's tokens, standardised.

    Of a text of several windows the mean over them is taken.

    Args:
        backbone: the `keras_hub.models.Backbone` that is asked.
        tokens: the `Tokens` or `Windows` of N texts.

    Returns:
        float32 of shape `(N, D)`: each column has mean 0 and variance 1, or is all 0.
    """
    windows = tokens.tokens if isinstance(tokens, Windows) else tokens
    assert isinstance(windows, Tokens)
    pooled = _pooled(backbone, windows)  # (W, D)
    if isinstance(tokens, Windows):
        pooled = np.add.reduceat(pooled, tokens.offsets[:-1], axis=0) / tokens.counts[:, None]
    return standardised(pooled)


def word_features(tokens: AnyTokens, seed: int) -> np.ndarray:
    """Returns which word pieces and pairs of them stand in each text, in few columns.

    A sentence's vector forgets single words. Frequencies as in tf-idf, logarithmic, are
    projected to their main directions (latent semantic analysis, Deerwester et al. 1990).

    Args:
        tokens: the `Tokens` or `Windows` of N texts.
        seed: int. Of the randomized projection.

    Returns:
        float32 of shape `(N, D)`, standardised.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfTransformer

    counts = _piece_counts(tokens)  # (N, pieces and pairs)
    size = min(MOST_DIRECTIONS, *(side - 1 for side in counts.shape))
    if size < 1:
        return np.zeros((len(tokens), 0), "float32")
    frequencies = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
    return standardised(TruncatedSVD(size, random_state=seed).fit_transform(frequencies))


def standardised(features: np.ndarray) -> np.ndarray:
    """Returns float32 columns of mean 0 and variance 1; those that do not vary are 0."""
    spread = features.std(axis=0, dtype="float64")
    centred = features - features.mean(axis=0, dtype="float64")
    varied = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-6)
    return varied.astype("float32")


def _piece_counts(tokens: AnyTokens) -> Any:
    """Returns how often each piece and pair of neighbours stands in each text, a sparse matrix.

    Those of a single text are left out, as nothing can be learned from them about another.
    """
    from scipy.sparse import csr_array

    windows = tokens.tokens if isinstance(tokens, Windows) else tokens
    assert isinstance(windows, Tokens)
    pieces = windows.flat[PIECES].astype("int64")
    text = np.repeat(np.arange(len(windows)), windows.lengths)
    if isinstance(tokens, Windows):
        text = tokens.text_of_window[text]
    neighbours = text[1:] == text[:-1]
    pairs = (pieces[:-1] + 1) * (int(pieces.max(initial=0)) + 1) + pieces[1:]
    terms = np.concatenate([pieces, pairs[neighbours]])
    of = np.concatenate([text, text[1:][neighbours]])
    names, term = np.unique(terms, return_inverse=True)
    counts = csr_array((np.ones(len(term)), (of, term)), (len(tokens), len(names)))
    counts.sum_duplicates()
    texts_with = np.bincount(counts.indices, minlength=len(names))
    return counts[:, np.flatnonzero(texts_with > 1)]


def _pooled(backbone: keras.Model, tokens: Tokens) -> np.ndarray:
    """Returns float32 of shape `(N, D)`, computed in the batches in which predictions are."""
    pooled = keras.Model(backbone.input, pool(backbone, list(POOLINGS)))
    batches = prediction_batches(tokens)
    if not (cores := hardware.cores()):
        parts = [pooled.predict_on_batch(inputs) for inputs in batches]
    else:
        state = (
            [variable.value for variable in pooled.trainable_variables],
            [variable.value for variable in pooled.non_trainable_variables],
        )
        forward = Forward(lambda state, x: pooled.stateless_call(*state, x, training=False)[0])
        parts = list(
            forward.one_by_one(state, batches)
            if batches.most_tokens is None
            else forward.at_once(state, batches, cores)
        )
    joined = [np.concatenate([np.asarray(part[name]) for part in parts]) for name in POOLINGS]
    return batches.restore(np.concatenate(joined, axis=1))
