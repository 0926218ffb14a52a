"""The files of a tokenizer in a Hugging Face folder, or under a hub's name."""

from pathlib import Path
from typing import Any

from mtc_keras.files import parse_json, read_bytes

MOST_BYTES = 256 * 2**20  # of one file; the largest vocabularies have 20 million
CONFIG, FAST, SPECIAL = "tokenizer_config.json", "tokenizer.json", "special_tokens_map.json"
ADDED = "added_tokens.json"
WORD_PIECES = "vocab.txt"
BYTE_PAIRS = ("vocab.json", "merges.txt")
SENTENCE_PIECES = ("sentencepiece.bpe.model", "spiece.model", "spm.model", "tokenizer.model")


class Folder:
    """Opens the files of a tokenizer by their names.

    Args:
        preset: a folder, or a hub's name such as `"hf://…"`.
    """

    def __init__(self, preset: str | Path) -> None:
        self.preset = str(preset)

    def path(self, name: str) -> Path | None:
        """Returns where a file lies, `None` where there is none of that name."""
        if "://" not in self.preset:
            path = Path(self.preset) / name
            return path if path.is_file() else None
        from keras_hub.src.utils.preset_utils import get_file

        try:
            return Path(get_file(self.preset, name))
        except FileNotFoundError:
            return None

    def content(self, name: str) -> bytes | None:
        """Returns what a file holds, `None` where there is none of that name.

        Raises:
            ValueError: naming it, if it cannot be read or is too large.
        """
        path = self.path(name)
        if path is None:
            return None
        try:
            return read_bytes(path, MOST_BYTES)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None

    def text(self, name: str) -> str | None:
        """Returns the text of a file, `None` where there is none of that name."""
        content = self.content(name)
        try:
            return None if content is None else content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{name} is not UTF-8: {error}") from None

    def table(self, name: str) -> dict[str, Any]:
        """Returns the object in a JSON file, an empty one where there is no such file.

        Raises:
            ValueError: naming it, if it holds something else.
        """
        content = self.content(name)
        if content is None:
            return {}
        try:
            found = parse_json(content)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
        if not isinstance(found, dict):
            raise ValueError(f"{name} must hold an object")
        return found
