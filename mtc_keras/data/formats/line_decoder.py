"""Decodes a file each of whose lines is in one of several encodings."""

from collections.abc import Sequence


class LineDecoder:
    """Decodes each line by the first encoding that can.

    Args:
        encodings: names of encodings in which ASCII is ASCII.
        errors: what the last one does with bytes that it cannot decode, as of `bytes.decode`.

    Attributes:
        line: int. The line that is read next.
        others: number of lines that were in another encoding than the first, by encoding.
        first_other: int. The first of these lines.
    """

    def __init__(self, encodings: Sequence[str], errors: str) -> None:
        self._encodings, self._errors = tuple(encodings), errors
        self._start = b""  # of a line that has not come to its end
        self.line = 1
        self.others: dict[str, int] = {}
        self.first_other = 0

    def decode(self, data: bytes, final: bool = False) -> str:
        """Decodes what is whole of the next lines, or all that is left.

        Raises:
            UnicodeDecodeError: if `errors` is `"strict"` and no encoding can decode a line.
        """
        data = self._start + data
        end = len(data) if final else data.rfind(b"\n") + 1
        whole, self._start = data[:end], data[end:]
        try:
            text = whole.decode(self._encodings[0])
        except UnicodeDecodeError:
            return "".join(map(self._line, whole.splitlines(keepends=True)))
        self.line += whole.count(b"\n")
        return text

    def _line(self, line: bytes) -> str:
        for encoding in self._encodings:
            try:
                text = line.decode(encoding)
            except UnicodeDecodeError:
                continue
            break
        else:
            text = line.decode(encoding, self._errors)
        if encoding != self._encodings[0]:
            self.others[encoding] = self.others.get(encoding, 0) + 1
            self.first_other = self.first_other or self.line
        self.line += line.endswith(b"\n")
        return text
