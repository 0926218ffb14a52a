"""From a text to the ids of its tokens: the tokenizers' files, and one way to read a text."""
