"""Self-contained HTML pages: what is shown as blocks, its numbers beside it as JSON and CSV.

A page needs no network and no script, follows light and dark, and prints. Texts and names from
outside stay text in it. It knows nothing of tasks, runs or Keras.
"""

from mtc_keras.pages.blocks import (
    Block,
    Column,
    Details,
    Facts,
    Figure,
    Grid,
    Page,
    Paragraph,
    Part,
    Problem,
    Problems,
    Section,
    Table,
    Text,
    Texts,
)
from mtc_keras.pages.writing import check_page, write_page

__all__ = [
    "Block",
    "Column",
    "Details",
    "Facts",
    "Figure",
    "Grid",
    "Page",
    "Paragraph",
    "Part",
    "Problem",
    "Problems",
    "Section",
    "Table",
    "Text",
    "Texts",
    "check_page",
    "write_page",
]
