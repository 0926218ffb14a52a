"""The bytes of a file as UTF-8, whatever its encoding."""

import codecs
import io
import re
from collections.abc import Sequence
from typing import IO

from mtc_keras.data.formats.encodings import (
    UTF_8,
    encoding_of,
    is_utf8,
    marked,
    utf_16_without_mark,
)
from mtc_keras.data.formats.faults import Faults
from mtc_keras.data.formats.line_decoder import LineDecoder
from mtc_keras.errors import DataError, plural
from mtc_keras.files import json_line

CHUNK = 2**16
SAMPLE = 2**18  # bytes by which an encoding is told, from the first letter beyond ASCII on

_MARK = "\ufeff".encode()
_INNER_MARK = re.compile(rb"([\r\n])\xef\xbb\xbf")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


class Utf8Stream(io.RawIOBase):
    """A text in UTF-8, of a file that is read once and as it comes.

    ASCII is the same in all encodings but UTF-16 and UTF-32. So the encoding is decided where the
    first other byte stands, by what follows it. A mark of UTF-8, UTF-16 or UTF-32 at the beginning
    decides at once. Marks before later lines, as in files put together, are left out and told.

    Args:
        file: the bytes; it stays open, and is wound back if it is asked to start anew.
        faults: takes what is told.
        encodings: one name, or several of which each line is in one; none to look for it.
        errors: `"strict"`, or `"surrogateescape"` to let broken bytes pass as lone surrogates.
        is_live: bool. Whether to take what is there and not to wait for more.

    Raises:
        DataError: while it is read, for bytes that are not in an encoding other than UTF-8.
    """

    def __init__(
        self,
        file: IO[bytes],
        faults: Faults,
        encodings: Sequence[str] = (),
        *,
        errors: str = "strict",
        is_live: bool = False,
    ) -> None:
        self._file, self._faults, self._errors = file, faults, errors
        self._read = file.read1 if is_live else file.read  # type: ignore[attr-defined]
        self._encodings = tuple(encodings)
        self._is_given = bool(encodings)
        self._told: set[str] = set()
        self._start()

    def _start(self) -> None:
        self._at = 0  # bytes that were asked for
        self._lines = 0  # ends of lines in all that was read
        self._marks, self._first_mark = 0, 0
        self._last = b""
        self._ahead = b""
        self._ready = memoryview(b"")
        self._decoder: codecs.IncrementalDecoder | LineDecoder | None = None
        self._is_first, self._is_done = True, False

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """Whether it can start anew."""
        return self._file.seekable()

    def tell(self) -> int:
        """Returns how many bytes were read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Starts anew; nothing else is possible."""
        if offset or whence:
            raise io.UnsupportedOperation("a text can only be read from its beginning")
        self._file.seek(0)
        self._start()
        return 0

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Reads the next bytes."""
        while not self._ready and not self._is_done:
            self._ready = memoryview(self._next())
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        self._at += count
        return count

    def _next(self) -> bytes:
        chunk = self._take(CHUNK)
        self._is_done = not chunk
        if self._is_first:
            chunk = self._without_first_mark(chunk)
            self._is_first = False
        if not self._encodings and not chunk.isascii():
            self._decide(chunk)
        if self._encodings and self._encodings != (UTF_8,):
            chunk = self._decoded(chunk)
        chunk = self._without_marks(chunk)
        self._lines += _line_ends(chunk, self._last)
        self._last = chunk[-1:] or self._last
        if self._is_done:
            self._tell_all()
        return chunk

    def _take(self, size: int) -> bytes:
        if not self._ahead:
            return self._read(size)
        taken, self._ahead = self._ahead[:size], self._ahead[size:]
        return taken

    def _without_first_mark(self, chunk: bytes) -> bytes:
        """Looks at the first bytes of a file; returns them without a mark of UTF-8."""
        found = marked(chunk)
        if found is None:
            if not self._encodings and (encoding := utf_16_without_mark(chunk)):
                self._guess(encoding, "")
            return chunk
        mark, encoding = found
        if self._is_given and not any(name.startswith(encoding) for name in self._encodings):
            given = " or ".join(self._encodings)
            self._tell(f"begins with the mark of {encoding} and is read so, not as {given}")
        self._encodings = (encoding,)
        return chunk[len(mark) :] if encoding == UTF_8 else chunk

    def _decide(self, chunk: bytes) -> None:
        """Decides on the encoding where the first byte beyond ASCII stands."""
        match = _BEYOND_ASCII.search(chunk)
        at = match.start() if match else 0
        self._ahead = self._read(SAMPLE)
        sample = chunk[chunk.rfind(b"\n", 0, at) + 1 :] + self._ahead
        if len(self._ahead) == SAMPLE:  # its last line may be cut
            sample = sample[: sample.rfind(b"\n") + 1] or sample
        encoding = encoding_of(sample)
        if encoding in (None, UTF_8):  # bytes that are not UTF-8 are named where they stand
            self._encodings = (UTF_8,)
        else:
            line = self._lines + _line_ends(chunk[:at], self._last) + 1
            self._guess(encoding, f", first non-ASCII line {line}")

    def _guess(self, encoding: str, where: str) -> None:
        self._encodings = (encoding,)
        self._tell(f"is read as {encoding}{where}; set data.encoding if that is wrong")

    def _decoded(self, chunk: bytes) -> bytes:
        """Returns bytes of another encoding as UTF-8."""
        if self._decoder is None:
            self._faults.encoding = " or ".join(self._encodings)
            if len(self._encodings) > 1:
                self._decoder = LineDecoder(self._encodings, self._errors)
            else:
                self._decoder = codecs.getincrementaldecoder(self._encodings[0])(self._errors)
        self._doubt(chunk)
        try:
            text = self._decoder.decode(chunk, not chunk)
        except UnicodeDecodeError as error:
            raise DataError(self._failed(error)) from None
        except UnicodeError as error:  # of UTF-16 without a mark, whose order of bytes is open
            raise DataError(
                f"{self._faults.path}: {error}; set data.encoding, such as to utf-16-le"
            ) from None
        if not self._at and not self._lines:
            text = text.removeprefix("\ufeff")
        return text.encode(UTF_8, "surrogatepass")

    def _failed(self, error: UnicodeDecodeError) -> str:
        """Returns the message on the first bytes that are not in the encoding."""
        if isinstance(self._decoder, LineDecoder):
            line = self._decoder.line
        else:
            whole = error.object[: error.start].decode(error.encoding, "replace")
            line = self._lines + _line_ends(whole.encode(UTF_8, "replace"), self._last) + 1
        known = self._faults.encoding
        help_ = (
            "which data.encoding says"
            if self._is_given
            else "as which it is read by its first letters; set data.encoding if that is wrong"
        )
        return (
            f"{self._faults.path}:{line}: byte 0x{error.object[error.start]:02x} is not {known}, "
            f"{help_}"
        )

    def _doubt(self, chunk: bytes) -> None:
        """Tells of an encoding that reads any bytes, and of lines that are UTF-8."""
        if not self._is_given or len(self._encodings) > 1 or chunk.isascii():
            return
        lines = [line for line in chunk.split(b"\n")[:-1] if not line.isascii()]
        if lines and not self._told and all(map(is_utf8, lines)):
            [encoding] = self._encodings
            self._tell(f"is read as {encoding} by data.encoding, though its letters are UTF-8")

    def _without_marks(self, chunk: bytes) -> bytes:
        """Returns bytes without the marks of UTF-8 at the beginning of lines."""
        if chunk.isascii():
            return chunk
        while chunk.endswith((_MARK[:1], _MARK[:2])) and (more := self._take(1)):
            chunk += more  # it may be one that is cut in two
        if _MARK not in chunk:
            return chunk
        chunk, count = _INNER_MARK.subn(rb"\1", self._last + chunk)
        chunk = chunk[len(self._last) :]
        if count:
            self._first_mark = self._first_mark or self._lines + 1
            self._marks += count
        return chunk

    def _tell_all(self) -> None:
        """Tells at the end of a file what there was of it."""
        if self._marks:
            lines = "a line begins" if self._marks == 1 else f"{self._marks:,} lines begin"
            self._tell(f"{lines} with a mark of encoding, as in files put together")
        if isinstance(self._decoder, LineDecoder) and self._decoder.others:
            others = [f"{plural(n, 'line')} as {name}" for name, n in self._decoder.others.items()]
            self._tell(f"{', '.join(others)}, first line {self._decoder.first_other}")

    def _tell(self, message: str) -> None:
        """Tells something once, however often the file is started anew."""
        if message not in self._told:
            self._told.add(message)
            self._faults.notes.append(f"{self._faults.path}: {message}")


def undecodable(file: IO[bytes], path: str) -> str:
    """Returns the message that names the first byte of a file that is not UTF-8.

    Args:
        file: the bytes, which are read to their end, as a gzip file may be cut there.
        path: the file's name, for the message.
    """
    first, others, broken = "", 0, b""
    for line, content in enumerate(file, 1):
        try:
            content.decode(UTF_8)
        except UnicodeDecodeError as error:
            first = first or f"{path}:{line}: byte 0x{content[error.start]:02x} is not UTF-8"
            broken += content if len(broken) < SAMPLE else b""
        else:
            others += not content.isascii()
    found = encoding_of(broken)
    if others:
        both = json_line([UTF_8, found or "cp1252"])
        with_letters = (
            f"{plural(others, 'other line')} with such letters {'is' if others == 1 else 'are'}"
        )
        return (
            f"{first}, though {with_letters}; mend the line, or set data.encoding = {both} to read "
            "each line by the first that can"
        )
    if found is None:
        return f"{first}, and its encoding cannot be told; save it as UTF-8, or set data.encoding"
    return f'{first}; save the file with this encoding, or set data.encoding = "{found}"'


def _line_ends(data: bytes, before: bytes) -> int:
    """Returns how many lines end in some bytes, which stand after others."""
    count = data.count(b"\n")
    if b"\r" in data or before == b"\r":
        count += data.count(b"\r") - data.count(b"\r\n")
        count -= before == b"\r" and data.startswith(b"\n")
    return count
