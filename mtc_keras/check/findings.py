"""What an analysis of a check finds: problems, all their places, and parts of the page."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, get_args

from mtc_keras.check.checked import Checked
from mtc_keras.pages import Part, Problem
from mtc_keras.pages.blocks import Severity

SEVERITIES: tuple[Severity, ...] = get_args(Severity)  # the worst one first


class Findings(NamedTuple):
    """What an analysis finds.

    Args:
        problems: what is odd, with its number, first places and remedy.
        tables: all places, as rows by the name of the CSV file that they go to. Texts stand in
            them only if `Checked.texts` says so.
        parts: parts of the page of its own.
    """

    problems: Sequence[Problem] = ()
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = {}
    parts: Sequence[Part] = ()


Analysis: TypeAlias = Callable[[Checked], Findings]
