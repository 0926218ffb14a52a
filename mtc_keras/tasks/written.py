"""Lists and tables that a cell writes as text: as JSON, Python, NumPy, R or a database does.

Nothing is evaluated: what is not JSON must be made of literals, and is bounded in length and depth.
"""

import ast
import json
import re
import warnings
from typing import Any

from mtc_keras.tasks.columns import Cell

MOST_CHARACTERS = 1_000_000  # of a text that is no JSON
MOST_DEPTH = 20  # of brackets in each other, as Python's own parser has no bound that it tells
CONSTANTS = {"nan": None, "NaN": None, "NA": None, "null": None, "true": True, "false": False}

_OPENING = re.compile(r"\s*(?:[\[{(]|(?:c|set|frozenset|array)\s*\(|character\(0\))")
_CALL = re.compile(  # set(), frozenset({'a'}), array(['a'], dtype=object), c("a", "b")
    r"(?:c|set|frozenset|array)\s*\(\s*(?P<inside>.*?)\s*(?:,\s*dtype=[^()\[\]]+)?\)", re.DOTALL
)
_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_STRING = re.compile(_QUOTED, re.DOTALL)
_QUOTED_LIST = re.compile(rf"\s*(?:{_QUOTED})(?:\s*[,;|]\s*(?:{_QUOTED}))+\s*", re.DOTALL)
# NumPy's `[0. 1. nan]`, which has no commas.
_NUMBERS = re.compile(r"\[\s*(?:[-+\d.e]+|nan|True|False)(?:\s+(?:[-+\d.e]+|nan|True|False))+\s*\]")
_BARE = re.compile(r"""[^'"\[\]{}():,;]+""")  # a name without quotes
_HIDDEN = "…"


def may_be_written(text: str) -> bool:
    """Whether a text opens as a list or table does, or is several names in quotes."""
    return _OPENING.match(text) is not None or _QUOTED_LIST.fullmatch(text) is not None


def is_written(text: str) -> bool:
    """Whether a text is a list or table, or opens with the bracket of one."""
    if not may_be_written(text):
        return False
    return text.lstrip()[0] in "[{" or written_value(text) is not text


def written_value(text: str) -> Cell:
    """Returns the list or table that a cell of csv such as `[2, 0, 1]` writes, or the text itself.

    Raises:
        ValueError: if a bracket opens something that is neither.
    """
    if not may_be_written(text):
        return text
    opening = text.lstrip()[0]
    why = ""
    if opening in "[{":
        try:
            return json.loads(text, parse_constant=lambda name: None)
        except (json.JSONDecodeError, RecursionError) as error:
            why = str(error)
    found = _not_json(text.strip())
    if found is None and opening in "[{":
        what = "list" if opening == "[" else "table"
        if "..." in _STRING.sub(_HIDDEN, text):
            why = "it is shortened by '...', as NumPy prints long ones; write the file anew"
        raise ValueError(f"expected a JSON {what}, received {text!r} ({why})")
    return text if found is None else found


def without_choices(cell: Cell) -> Cell:
    """Returns the list in `{"choices": ["a", "b"]}`, which Label Studio writes in csv."""
    if not isinstance(cell, dict) or cell.keys() != {"choices"}:
        return cell
    return cell["choices"] if isinstance(cell["choices"], list) else cell


def is_json(text: str) -> bool:
    """Whether a text is a list or table as JSON writes it."""
    try:
        return isinstance(json.loads(text), (list, dict))
    except (json.JSONDecodeError, RecursionError):
        return False


def _not_json(text: str) -> list[Any] | dict[Any, Any] | None:
    """Returns the list or table that a text writes in another language, `None` if it does not."""
    if _QUOTED_LIST.fullmatch(text):
        return _literal(f"[{','.join(_STRING.findall(text))}]")
    bare = _STRING.sub(_HIDDEN, text)
    if len(text) > MOST_CHARACTERS or _depth(bare) > MOST_DEPTH or "..." in bare:
        return None
    call = _CALL.fullmatch(text)
    if text == "character(0)" or (call and not call["inside"]):
        return []
    if call:
        text = call["inside"] if text[0] in "sfa" else f"[{call['inside']}]"
    if _NUMBERS.fullmatch(text):
        text = re.sub(r"\s+", ", ", text.strip("[] \t\r\n").join("[]"))
    text = _with_commas(text)
    found = _literal(text)
    return _loose(text) if found is None and not call else found


def _with_commas(text: str) -> str:
    """Returns a list with commas between texts side by side, which Python would read as one text.

    Without a blank between, as in SQL's `'it''s'`, nothing good can be made of them.
    """
    parts, end = [], 0
    for match in _STRING.finditer(text):
        between = text[end : match.start()]
        if end:
            between = between if between.strip() else ("," if between else _HIDDEN)
        parts += [between, match[0]]
        end = match.end()
    return "".join([*parts, text[end:]])


def _literal(text: str) -> list[Any] | dict[Any, Any] | None:
    """Returns what `ast.literal_eval` does of a list, tuple, set or dict, `None` for all else."""
    try:
        with warnings.catch_warnings():  # of backslashes that Python may once read differently
            warnings.simplefilter("ignore")
            found = ast.literal_eval(_Constants().visit(ast.parse(text, mode="eval")))
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return None
    found = _plain(found)
    return found if isinstance(found, (list, dict)) else None


def _plain(value: Any) -> Any:
    """Returns lists in place of tuples and sets."""
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


class _Constants(ast.NodeTransformer):
    """Puts null, true and false in place of the names by which other programs write them."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(CONSTANTS[node.id]) if node.id in CONSTANTS else node


def _loose(text: str) -> list[str] | None:
    """Returns names in one pair of brackets, with `,` or `;` between and not all in quotes."""
    if text[0] + text[-1] not in ("[]", "{}"):
        return None
    names: list[str] = []
    rest = text[1:-1]
    while rest := rest.strip():
        match = _STRING.match(rest) or _BARE.match(rest)
        if match is None:
            return None
        name = match[0].strip()
        if name[0] in "'\"":
            unquoted = _literal(f"[{name}]")
            if unquoted is None:
                return None
            name = unquoted[0]
        names.append(name)
        rest = rest[match.end() :].lstrip()
        if rest and rest[0] not in ",;":
            return None
        rest = rest[1:]
    return names


def _depth(text: str) -> int:
    """Returns how many brackets of a text stand in each other."""
    depth = deepest = 0
    for character in text:
        depth += (character in "[{(") - (character in ")}]")
        deepest = max(deepest, depth)
    return deepest
