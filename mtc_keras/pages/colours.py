"""The colours of pages and figures: names of CSS variables, and their values in light and dark.

Those of series can be told apart by the colour-blind, too (blue, orange, teal, purple, pink, grey
of increasing lightness differences), and all have a contrast of 4.5 and more on their paper.
"""

from collections.abc import Mapping
from types import MappingProxyType

LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "paper": "#ffffff",
        "raised": "#f6f7f9",
        "ink": "#1c2128",
        "muted": "#59636e",
        "rule": "#dfe3e8",
        "accent": "#1f5a99",
        "warm": "#8a3b0b",
        "good": "#1a6b4a",
        "bad": "#b3261e",
        "series1": "#1f5a99",
        "series2": "#b45309",
        "series3": "#0f766e",
        "series4": "#7e3fa0",
        "series5": "#be2a6b",
        "series6": "#59636e",
    }
)
DARK: Mapping[str, str] = MappingProxyType(
    {
        "paper": "#14171c",
        "raised": "#1c2027",
        "ink": "#e4e8ee",
        "muted": "#9aa5b1",
        "rule": "#303742",
        "accent": "#84b6f4",
        "warm": "#f0a56a",
        "good": "#6fcf9f",
        "bad": "#f58f86",
        "series1": "#84b6f4",
        "series2": "#f0a56a",
        "series3": "#5cc9b8",
        "series4": "#c7a3ea",
        "series5": "#f291b8",
        "series6": "#9aa5b1",
    }
)
SERIES = tuple(name for name in LIGHT if name.startswith("series"))


def css_variables(colours: Mapping[str, str]) -> str:
    """Returns the declarations of the variables, such as `--ink: #1c2128;`."""
    return " ".join(f"--{name}: {value};" for name, value in colours.items())
