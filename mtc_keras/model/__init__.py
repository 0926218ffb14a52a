"""`MultiTaskClassifier` and what it is built from."""
