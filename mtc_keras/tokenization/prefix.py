"""A prefix before each text, such as the "query: " that E5 was trained with.

It is put there before anything else is done, so that it is a part of the text: its tokens count,
and of a text in windows it is in the first. A text without a character stays empty.
"""

from collections.abc import Iterator, Sequence
from typing import Any, overload

from mtc_keras.errors import ConfigError


class Prefixed(Sequence[str]):
    """A column of N texts with a prefix before each, made when they are read.

    Args:
        texts: the texts.
        prefix: str.
    """

    def __init__(self, texts: Sequence[str], prefix: str) -> None:
        self._texts, self._prefix = texts, prefix

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> "Prefixed": ...
    def __getitem__(self, place: int | slice) -> "str | Prefixed":
        if isinstance(place, slice):
            return Prefixed(self._texts[place], self._prefix)
        return self._with(self._texts[place])

    def __iter__(self) -> Iterator[str]:
        return map(self._with, self._texts)

    def _with(self, text: str) -> str:
        return self._prefix + text if text.strip("\0") else text  # a NUL is never read


def prefixed(texts: Sequence[Sequence[str]], prefix: str) -> Sequence[Sequence[str]]:
    """Returns columns of texts with a prefix before each text.

    Args:
        texts: one sequence of N strings; without a prefix also two, for text pairs.
        prefix: str; `""` for none.

    Raises:
        ConfigError: for text pairs.
    """
    if prefix and len(texts) > 1:
        raise ConfigError(f"prefix = {prefix!r} is put before one text per row, not text pairs")
    return [Prefixed(column, prefix) for column in texts] if prefix else texts


def with_prefix(x: Any, prefix: str) -> Any:
    """Returns texts of a pipeline with a prefix before each.

    Args:
        x: a tensor of TensorFlow or a sequence of strings or of UTF-8; a tuple is a text pair.
        prefix: str; `""` for none.

    Raises:
        ConfigError: for text pairs.
    """
    if not prefix:
        return x
    if isinstance(x, tuple):
        return tuple(prefixed(x, prefix))
    if type(x).__module__.split(".")[0] == "tensorflow":
        import tensorflow as tf

        return tf.where(tf.equal(x, ""), x, tf.strings.join([prefix, x]))
    texts = [text.decode("utf-8") if isinstance(text, bytes) else text for text in x]
    return list(Prefixed(texts, prefix))
