"""Trains one model for all tasks: `mtc-keras train`."""

from mtc_keras.train.program import main as main
