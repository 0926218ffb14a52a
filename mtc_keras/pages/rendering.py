"""A page as HTML, by templates that escape everything but our own style, script and drawings."""

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import mtc_keras
from mtc_keras.pages import blocks
from mtc_keras.pages.cells import cells_of
from mtc_keras.pages.names import seen
from mtc_keras.pages.pieces import pieces_of
from mtc_keras.pages.styling import asset, digest, style

if TYPE_CHECKING:
    from jinja2 import Environment

GENERATOR = "mtc-keras"
MOST_PLACES = 6  # of a problem, the others are folded
MAIN = "main"  # the anchor of all sections together
_NOT_IN_ANCHOR = re.compile(r"[^\w]+")


@dataclass(frozen=True)
class Anchored(blocks.Section):
    """A section whose `anchor` no other of the page has."""

    anchor: str = ""

    @property
    def inner(self) -> list["Anchored"]:
        """The sections right in it."""
        return [block for block in self.blocks if isinstance(block, Anchored)]


def anchored(sections: Sequence[blocks.Section], reserved: Iterable[str] = ()) -> list[Anchored]:
    """Returns sections, and the sections in them, each with an anchor of its own.

    Args:
        sections: those of a page's parts.
        reserved: anchors that none gets.
    """
    taken = {MAIN, *reserved}
    # Those of the page first, as their anchors are keys of its JSON, too.
    names = [_free(section.id or section.title, taken) for section in sections]
    return [_anchored(section, taken, name) for section, name in zip(sections, names, strict=True)]


def _anchored(section: blocks.Section, taken: set[str], anchor: str) -> Anchored:
    inner = tuple(
        _anchored(block, taken, _free(block.id or f"{anchor}-{block.title}", taken))
        if isinstance(block, blocks.Section)
        else block
        for block in section.blocks
    )
    return Anchored(section.title, inner, section.id, anchor)


def _free(name: str, taken: set[str]) -> str:
    """Returns an anchor of a name that is not taken yet, and takes it."""
    plain = _NOT_IN_ANCHOR.sub("-", name.casefold()).strip("-") or "section"
    found = next(
        tried
        for number in itertools.count(1)
        if (tried := plain if number == 1 else f"{plain}-{number}") not in taken
    )
    taken.add(found)
    return found


def render(page: blocks.Page, sections: Sequence[Anchored]) -> Iterator[str]:
    """Yields the HTML of a page, piece by piece.

    Args:
        page: the page.
        sections: its parts' sections, `anchored`.
    """
    from markupsafe import Markup

    script = asset("mtc_keras.pages", "templates/page.js")
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src {digest(script)}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    template = _environment().get_template("page.html")
    return template.generate(
        page=page,
        sections=sections,
        policy=policy,
        generator=f"{GENERATOR} {mtc_keras.__version__}",
        style=Markup(style()),
        script=Markup(script),
    )


@functools.cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("mtc_keras.pages"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    environment.globals["most_places"] = MOST_PLACES
    environment.filters |= {
        "seen": seen,
        "seen_lines": functools.partial(seen, lines=True),
        "template": lambda block: f"blocks/{type(block).__name__.lower()}.html",
        "cells": cells_of,
        "pieces": pieces_of,
        "trusted": Markup,
    }
    return environment
