"""Predicts with a run or an export: `mtc-keras predict`."""

from mtc_keras.predict.program import main as main
