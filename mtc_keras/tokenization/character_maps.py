"""SentencePiece's map of characters, made of the steps of a normalizer.

A SentencePiece model knows no small letters and no accents, only a map from characters, or a few in
a row, to others. ALBERT's texts lose capitals and accents before SentencePiece reads them; such
steps become part of the map, so that a SavedModel does them, too.
"""

import base64
import binascii
import functools
import json
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

UNASSIGNED = ("Cn", "Co", "Cs")
WHITE_SPACE = "\t\n\v\f\r\x85 \xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
PATTERNS = (r"\s{2,}|[\n\r\t]", r"\s+", r"\s{2,}")  # of white space, as DeBERTa's
# Steps that change a character whatever stands beside it, but for sequences that are tried.
STEPS = ("Lowercase", "NFC", "NFD", "NFKC", "NFKD", "StripAccents", "Replace", "Nmt", "Precompiled")


def with_steps(steps: Sequence[Mapping[str, Any]]) -> bytes | None:
    """Returns one map of characters for all steps of a normalizer.

    It takes seconds where there are others than a map, so that the latest ones are kept.

    Args:
        steps: those of a tokenizer.json, the changes of blanks left out.

    Returns:
        A `precompiled_charsmap`; `None` if no map says the same.
    """
    return _with_steps(json.dumps(steps))


@functools.lru_cache(maxsize=4)
def _with_steps(described: str) -> bytes | None:
    steps = json.loads(described)
    if all(step.get("type") == "Precompiled" for step in steps) and len(steps) <= 1:
        return stored_map(steps[0]) if steps else b""
    if any(step.get("type") not in STEPS for step in steps):
        return None
    if not all(_is_known(step.get("pattern")) for step in steps):
        return None
    last = steps[-1] if steps[-1].get("type") == "Precompiled" else None
    before = steps[:-1] if last else steps
    if any(step.get("type") == "Precompiled" for step in before):
        return None
    charsmap = stored_map(last) if last else b""
    if charsmap is None:
        return None
    first, then = _normalizer(before), _by_map(charsmap)
    if first is None:
        return None

    def changed(text: str) -> str:
        return then(first(text))

    rules = {letter: result for letter in _characters() if (result := changed(letter)) != letter}
    for sequence in _sequences(before, charsmap):
        result = changed(sequence)
        if result != "".join(rules.get(letter, letter) for letter in sequence):
            rules[sequence] = result
    return compiled(rules)


def stored_map(step: Mapping[str, Any]) -> bytes | None:
    """Returns the map of a step of type `Precompiled`, `None` if it holds none."""
    try:
        return base64.b64decode(step.get("precompiled_charsmap") or "", validate=True)
    except (binascii.Error, TypeError, ValueError):
        return None


def _is_known(pattern: Any) -> bool:
    """Whether a pattern is of letters, or one of white space that is known here."""
    if pattern is None or (isinstance(pattern, dict) and isinstance(pattern.get("String"), str)):
        return True
    return isinstance(pattern, dict) and pattern.get("Regex") in PATTERNS


def divides_at_white_space(charsmap: bytes) -> bool:
    """Whether a map makes blanks of all white space, at which SentencePiece then divides words."""
    then = _by_map(charsmap)
    letters = WHITE_SPACE.replace("\x85", "")  # a control character, which nobody writes
    return all(then(letter).strip(" ") == "" for letter in letters)


def _normalizer(steps: Sequence[Mapping[str, Any]]) -> Callable[[str], str] | None:
    """Returns the function of some steps, by the package `tokenizers`."""
    from mtc_keras.tokenization.description import NO_MODEL, rust_tokenizer

    sequence = {"type": "Sequence", "normalizers": list(steps)}
    try:
        found = rust_tokenizer(json.dumps({"normalizer": sequence, "model": NO_MODEL}))
    except ValueError:
        return None
    return found.normalizer.normalize_str


def _by_map(charsmap: bytes) -> Callable[[str], str]:
    """Returns what SentencePiece makes of a text by a map alone."""
    if not charsmap:
        return lambda text: text
    from sentencepiece import SentencePieceNormalizer, sentencepiece_model_pb2

    spec = sentencepiece_model_pb2.NormalizerSpec(
        precompiled_charsmap=charsmap,
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        escape_whitespaces=False,
    )
    found = SentencePieceNormalizer(normalizer_spec=spec.SerializeToString())
    return found.normalize


def _characters() -> Iterator[str]:
    """Yields all characters that mean something, but NUL, which texts do not have."""
    for number in range(1, sys.maxunicode + 1):
        letter = chr(number)
        if unicodedata.category(letter) not in UNASSIGNED:
            yield letter


def _sequences(steps: Sequence[Mapping[str, Any]], charsmap: bytes) -> list[str]:
    """Returns characters in a row that may become something else than each of them does."""
    found = set()
    for step in steps:
        pattern = step.get("pattern")
        if isinstance(pattern, Mapping) and isinstance(pattern.get("String"), str):
            found.add(pattern["String"])
        elif pattern is not None:
            found |= {first + second for first in WHITE_SPACE for second in WHITE_SPACE}
    for letter in _characters():
        parts = unicodedata.decomposition(letter)
        if parts and not parts.startswith("<"):
            found |= {unicodedata.normalize("NFD", letter)}
            found.add("".join(chr(int(part, 16)) for part in parts.split()))
    if charsmap:
        from sentencepiece import SentencePieceNormalizer, sentencepiece_model_pb2

        spec = sentencepiece_model_pb2.NormalizerSpec(precompiled_charsmap=charsmap)
        rules = SentencePieceNormalizer(normalizer_spec=spec.SerializeToString()).decompile()
        found |= {source for source, _ in rules if len(source) > 1}
    found |= {sequence.upper() for sequence in found} | {sequence.title() for sequence in found}
    return sorted(sequence for sequence in found if len(sequence) > 1)


def compiled(rules: Mapping[str, str]) -> bytes:
    """Returns the `precompiled_charsmap` of rules: what each sequence of characters becomes."""
    from sentencepiece import SentencePieceNormalizer, sentencepiece_model_pb2

    changes = sorted(rule for rule in rules.items() if rule[0] != rule[1])
    spec = SentencePieceNormalizer(norm_map=changes).serialized_normalizer_spec()
    return sentencepiece_model_pb2.NormalizerSpec.FromString(spec).precompiled_charsmap
