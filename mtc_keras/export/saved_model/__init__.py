"""A SavedModel that takes texts, written and asked by processes of TensorFlow."""
