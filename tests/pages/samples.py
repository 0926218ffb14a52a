"""A page with every block, whose names and texts are as bad as can be."""

import numpy as np

from mtc_keras import pages
from mtc_keras.pages import Column, Part, Section, figures
from mtc_keras.pages.figures import Mark

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror="alert(1)">',
    "</svg></style><script>alert(1)</script>",
    "{{7*7}} {% raw %} ${7*7}",
    "-->]]><!--",
    "$x^2$ \\frac & &lt; &#60;",
    "a\x00b\x1bc\ud800\u202ed",
    "javascript:alert(1)",
    "عربي جدا",
    "名前がとても長くて図の中に入らないクラスの名前",
    "x" * 300,
]


def every_block(names=HOSTILE) -> pages.Page:
    """Returns a page that uses each block, with the names wherever one may stand."""
    one, two, three = (names * 3)[:3]
    numbers = np.arange(len(names)) * 3 + 1
    square = np.outer(numbers, numbers[::-1])
    curve = (np.linspace(0, 1, 12), np.linspace(0, 1, 12) ** 2)
    mark = Mark(one, 0.4, 0.3)
    drawn = {
        "bars": figures.bars(names, numbers, axis=one, reference=Mark(two, 5)),
        "many bars": figures.bars(names, {one: numbers, two: numbers * 2}),
        "histogram": figures.histogram(numbers, axis=one, marks=[Mark(two, 4)]),
        "lines": figures.lines({one: curve, two: curve}, x_axis=one, y_axis=two, marks=[mark]),
        "scatter": figures.scatter(*curve, x_axis=one, y_axis=two, diagonal=True),
        "heatmap": figures.heatmap(square, names, names, row_axis=one, column_axis=two),
        "forest": figures.forest(names, numbers, numbers - 1, numbers + 1, axis=one),
    }
    shown = [pages.Figure(svg, one, two) for svg in drawn.values()]
    columns = [Column(one), Column("count", "count", two), Column("score", "score")]
    columns += [Column("share", "share"), Column(three, "bar")]
    rows = [[name, n + 1, 0.5 / (n + 1), 1 / (n + 1), n] for n, name in enumerate(names)]
    items = [pages.Text(name, [(one, name)]) for name in names]
    items += [pages.Text(f"{one} {two}.", [], [(one, 0.5), (two, -1.0)])]
    problems = [
        pages.Problem(severity, one, 12, names, two, three)
        for severity in ("error", "warning", "note")
    ]
    blocks: list[pages.Block] = [pages.Paragraph(name) for name in names]
    blocks += [pages.Facts([(name, name) for name in names]), pages.Grid(shown)]
    blocks += [pages.Details(two, [pages.Paragraph(one)]), pages.Texts(items)]
    blocks += [pages.Problems(problems), pages.Problems([])]
    table = pages.Table(columns, [*rows, [None] * 5], caption=two, shown=4)
    inner = Section(two, [table, Section(one, [Section(two, [Section(three, [])])])])
    parts = [
        Part(Section(one, [*blocks, inner]), {"name": one}, {one: [{two: three}]}),
        Part(Section(one, []), {"number": np.float32(0.5), "nothing": float("nan")}),
    ]
    return pages.Page(one, [(name, name) for name in names], parts)
