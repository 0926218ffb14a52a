"""Figures as SVG: drawn by matplotlib, coloured by the page, the same bytes each time."""

from mtc_keras.pages.figures.bars import bars, histogram
from mtc_keras.pages.figures.forest import forest
from mtc_keras.pages.figures.heatmap import heatmap
from mtc_keras.pages.figures.lines import lines, scatter
from mtc_keras.pages.figures.marks import Mark

__all__ = ["Mark", "bars", "forest", "heatmap", "histogram", "lines", "scatter"]
