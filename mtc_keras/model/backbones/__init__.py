"""Encoders: from a name in the config to a Keras model, the text's reader beside it."""
