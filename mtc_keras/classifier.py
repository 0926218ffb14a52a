"""Where `MultiTaskClassifier` was until 0.1; it is `mtc_keras.MultiTaskClassifier`."""

from mtc_keras.model.classifier import MultiTaskClassifier as MultiTaskClassifier
