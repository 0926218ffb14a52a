"""Attention in blocks is the attention that its mask says, and so are its gradients."""

import jax
import numpy as np
import pytest
from keras import ops

from mtc_keras.model.backbones import rotary_attention
from mtc_keras.model.backbones.rotary_attention import global_attention, local_attention


def heads(tokens: int, texts: int = 2):
    """Returns random queries, keys, values, and which tokens are real."""
    random = np.random.default_rng(tokens)
    query = random.normal(size=(texts, tokens, 4, 8)).astype("float32")
    key, value = random.normal(size=(2, texts, tokens, 4, 8)).astype("float32")
    real = np.arange(tokens) < np.array([[tokens], [tokens // 2 + 1]])[:texts]
    return query, key, value, real


def attention(query, key, value, mask):
    """Attention by its definition, `mask` of shape `(B, T, T)`."""
    scores = np.einsum("btnh,bsnh->bnts", query, key) / np.sqrt(query.shape[-1])
    scores = np.exp(np.where(mask[:, None], scores, -np.inf) - scores.max())
    return np.einsum("bnts,bsnh->btnh", scores / scores.sum(-1, keepdims=True), value)


@pytest.mark.parametrize("tokens", [1, 2, 5, 9, 10, 11, 12, 13, 14, 15, 16, 29, 64])
def test_local_attention_reads_the_window_alone(tokens):
    query, key, value, real = heads(tokens)
    places = np.arange(tokens)
    near = np.abs(places[:, None] - places) <= 3
    found = local_attention(query, key, value, real, 3)
    # A token of padding may have none to read; nobody reads its state.
    seen = near & (real[:, None, :] | ~real[:, :, None])
    expected = attention(query, key, value, seen)
    np.testing.assert_allclose(np.asarray(found)[real], expected[real], atol=1e-5)
    assert np.isfinite(np.asarray(found)).all()


def test_global_attention_of_long_texts_is_that_of_short_ones(monkeypatch):
    query, key, value, real = heads(29)

    def loss(query, key, value):
        return ops.sum(ops.sin(global_attention(query, key, value, real)) * real[..., None, None])

    whole = np.asarray(global_attention(query, key, value, real))
    gradients = jax.grad(loss, argnums=(0, 1, 2))(query, key, value)
    expected = attention(query, key, value, np.repeat(real[:, None], 29, axis=1))
    np.testing.assert_allclose(whole, expected, atol=1e-5)
    monkeypatch.setattr(rotary_attention, "LONG", 8)
    monkeypatch.setattr(rotary_attention, "QUERIES", 8)
    np.testing.assert_allclose(global_attention(query, key, value, real), whole, atol=1e-5)
    in_blocks = jax.grad(loss, argnums=(0, 1, 2))(query, key, value)
    for one, other in zip(in_blocks, gradients, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
