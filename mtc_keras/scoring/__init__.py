"""Judging: from logits to metrics, fitted decisions and intervals."""
