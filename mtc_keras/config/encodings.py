"""The names of encodings that a config may give."""

import codecs
import encodings.aliases

from mtc_keras.errors import did_you_mean

# Codecs of host names, escapes, other texts and Windows' own settings.
NONE_OF_FILES = {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs"}


def check_encoding(name: str, is_by_line: bool) -> None:
    """Checks the name of an encoding.

    Args:
        name: of one that Python knows.
        is_by_line: bool. Whether single lines are read by it, as only those can be that end in
            the same byte.

    Raises:
        ValueError: if there is no such encoding of texts.
    """
    try:
        found = codecs.lookup(name).name
        line_end = "\n".encode(name)
    except (LookupError, UnicodeError, ValueError):  # also codecs from bytes to bytes
        found, line_end = "", b""
    if not found or found.replace("_", "-") in NONE_OF_FILES:
        known = {spelling.replace("_", "-") for spelling in encodings.aliases.aliases}
        known |= set(encodings.aliases.aliases.values()) - {"mbcs"}
        raise ValueError(f"no encoding is called {name!r}.{did_you_mean(name, sorted(known))}")
    if is_by_line and line_end != b"\n":
        raise ValueError(f"{name!r} cannot be the encoding of single lines")
