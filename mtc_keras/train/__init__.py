"""Trains one model for all tasks: `python -m mtc_keras.train`."""

from mtc_keras.train.program import main as main
