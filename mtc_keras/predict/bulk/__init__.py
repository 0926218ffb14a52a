"""Prediction in bulk: files in, parts or one file out."""
