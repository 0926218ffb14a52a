"""The special tokens that stand around a text, and between the texts of a pair."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mtc_keras.tokenization.settings import Settings


@dataclass(frozen=True)
class Template:
    """What stands around texts.

    Args:
        start: optional str. The special token before a text.
        end: optional str. The one after it.
        separator: the ones between the texts of a pair.
        second_segment: int. The segment of a pair's second text; the first one's is 0.
    """

    start: str | None
    end: str | None
    separator: tuple[str, ...]
    second_segment: int = 0


def template_of(post_processor: Mapping[str, Any] | None, settings: Settings) -> Template:
    """Returns what a tokenizer.json, or else the class of `transformers`, puts around texts.

    Args:
        post_processor: that of the tokenizer.json, if it has one.
        settings: the `Settings`.

    Raises:
        ValueError: if it puts more around texts than is read here.
    """
    steps = [post_processor] if post_processor else []
    if post_processor and post_processor.get("type") == "Sequence":
        steps = list(post_processor.get("processors") or [])
    steps = [step for step in steps if step.get("type") != "ByteLevel"]
    if not steps:
        return _of_class(settings)
    if len(steps) > 1:
        raise ValueError("tokenizer.json: its post_processor has several steps")
    kind = steps[0].get("type")
    if kind in ("BertProcessing", "RobertaProcessing"):
        start, end = (_first(steps[0].get(key)) for key in ("cls", "sep"))
        doubled = kind == "RobertaProcessing"
        return Template(start, end, (end,) * (2 if doubled else 1), int(not doubled))
    if kind == "TemplateProcessing":
        return _of_template(steps[0])
    raise ValueError(f"tokenizer.json: its post_processor is of type {kind!r:.80}")


def _of_class(settings: Settings) -> Template:
    """Returns what a class of `transformers` puts around texts; one of any files puts nothing."""
    start, end = settings.roles.get("cls"), settings.roles.get("sep")
    if settings.class_name is None or start is None or end is None:
        return Template(None, None, ())
    if start == "<s>":  # as RoBERTa and its relatives
        return Template(start, end, (end, end))
    return Template(start, end, (end,), second_segment=1)


def _of_template(step: Mapping[str, Any]) -> Template:
    tokens = {
        name: entry.get("tokens") if isinstance(entry, dict) else None
        for name, entry in (step.get("special_tokens") or {}).items()
    }
    single, pair = (_pieces(step.get(key), tokens) for key in ("single", "pair"))
    before, after = _around(single, "A")
    if len(before) > 1 or len(after) > 1:
        raise ValueError(
            f"tokenizer.json: its post_processor puts {' '.join(before)} before a text and "
            f"{' '.join(after)} after it; one token each can be read here"
        )
    start, end = next(iter(before), None), next(iter(after), None)
    first, second = [[piece for piece in pair if piece[0] == name] for name in ("A", "B")]
    if not first or not second:  # no pairs: as two texts in a row
        return Template(start, end, tuple(after))
    between = pair[pair.index(first[0]) + 1 : pair.index(second[0])]
    separator = tuple(token for kind, token, _ in between if kind == "special")
    segment = second[0][2]
    if segment not in (0, 1):
        raise ValueError(
            f"tokenizer.json: its post_processor gives a pair's second text segment {segment!r:.80}"
        )
    return Template(start, end, separator, segment)


Piece = tuple[str, str, int]


def _pieces(listed: Any, tokens: Mapping[str, Any]) -> list[Piece]:
    """Returns the pieces of a template: `("A", "", segment)`, or `("special", token, segment)`."""
    found: list[Piece] = []
    for piece in listed or []:
        sequence, special = piece.get("Sequence"), piece.get("SpecialToken")
        if sequence:
            found.append((sequence["id"], "", sequence.get("type_id", 0)))
        elif special:
            for token in tokens.get(special["id"]) or [special["id"]]:
                found.append(("special", token, special.get("type_id", 0)))
    return found


def _around(pieces: list[Piece], name: str) -> tuple[list[str], list[str]]:
    """Returns the special tokens before and after a text."""
    kinds = [kind for kind, _, _ in pieces]
    if kinds.count(name) != 1:
        raise ValueError("tokenizer.json: its post_processor is no template of one text")
    place = kinds.index(name)
    return (
        [token for _, token, _ in pieces[:place]],
        [token for _, token, _ in pieces[place + 1 :]],
    )


def _first(pair: Any) -> str:
    if not isinstance(pair, list) or not pair or not isinstance(pair[0], str):
        raise ValueError("tokenizer.json: its post_processor names no special tokens")
    return pair[0]
