"""A checkpoint of many languages, cut to the pieces of given texts."""
