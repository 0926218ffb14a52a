"""Predicts with a run or an export: `python -m mtc_keras.predict`."""

from mtc_keras.predict.program import main as main
