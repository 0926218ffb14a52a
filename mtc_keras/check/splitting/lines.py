"""Rows that stand in lines, copied byte for byte: encoding, quotes and delimiters stay."""

import io
from collections.abc import Sequence
from typing import IO

import numpy as np

from mtc_keras.check.splitting.outputs import Outputs
from mtc_keras.data.formats.encodings import marked, utf_16_without_mark
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.formats.utf8 import CHUNK

# A line ends where it does in all encodings in which ASCII is ASCII, and these are its bytes.
BYTES = "latin-1"
_BY_MARK = {
    b"\xff\xfe\x00\x00": "utf-32-le",
    b"\x00\x00\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
_WITHOUT_MARK = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}


def codec_of(file: IO[bytes], encodings: Sequence[str]) -> tuple[bytes, str]:
    """Returns the mark that a file begins with, and what tells its characters apart.

    Args:
        file: the file, which is wound back to what follows the mark.
        encodings: the encodings that the config names.
    """
    start = file.read(CHUNK)
    found = marked(start)
    mark = found[0] if found else b""
    file.seek(len(mark))
    if mark in _BY_MARK:
        return mark, _BY_MARK[mark]
    if mark:
        return mark, BYTES
    wide = [name for name in encodings if name.startswith(("utf-16", "utf-32"))]
    if wide:
        return mark, _WITHOUT_MARK.get(wide[0], wide[0])
    return mark, (None if encodings else utf_16_without_mark(start)) or BYTES


def copy_lines(
    file: IO[bytes],
    starts: np.ndarray,
    part: np.ndarray,
    outputs: Outputs,
    layout: Layout,
    *,
    newline: str,
) -> None:
    """Copies lines: a row's own and those up to the next row; those before the first row to all.

    Args:
        file: the open file.
        starts: int of shape `(N,)`: the line, from 1, at which each row begins.
        part: int of shape `(N,)`: which output takes each row; none takes one below 0.
        outputs: the new files.
        layout: names the encoding, if the config does.
        newline: where lines end, as `open` takes it.
    """
    mark, codec = codec_of(file, layout.encodings)
    text = io.TextIOWrapper(io.BufferedReader(file, CHUNK), codec, newline=newline)  # type: ignore[type-var]
    above = [mark]
    next_row, owner = 0, None
    try:
        for number, line in enumerate(text, 1):
            if next_row < len(starts) and number == starts[next_row]:
                owner = int(part[next_row])
                next_row += 1
                if owner >= 0 and not outputs.is_open(owner):
                    outputs.file(owner).write(b"".join(above))
            if owner is None:
                above.append(line.encode(codec))
            elif owner >= 0:
                outputs.file(owner).write(line.encode(codec))
    finally:
        text.detach().detach()  # the file stays open
