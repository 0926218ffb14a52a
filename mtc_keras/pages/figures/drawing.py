"""A drawing by matplotlib as SVG for a page: its colours are the page's, its texts stay text.

Names from outside never reach matplotlib, which would read `$`, break lines and look for glyphs in
a font that the page does not use: a placeholder stands for each until the SVG is there.
"""

import hashlib
import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

from mtc_keras.pages.colours import LIGHT
from mtc_keras.pages.names import seen, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = 12.0  # of letters, in pixels
SMALL = 11.0
WIDTH = 380.0  # of a figure, in pixels, two of which stand side by side
LARGER = 1.16  # how much larger than drawn a figure is where there is room
LEAST = 0.85  # and how much smaller where there is not, before it scrolls
PLACEHOLDER = "0"
# Matplotlib knows no variables: each colour is drawn as one that nothing else has.
SENTINELS = {name: f"#fe{number:02x}01" for number, name in enumerate(LIGHT)}
_COLOURS = {sentinel: f"var(--{name})" for name, sentinel in SENTINELS.items()}
_COLOUR = re.compile("|".join(_COLOURS))
_FONT = re.compile(r"font-family:[^;]*;? ?")
_REFERENCE = re.compile(r"#([\w-]+)")
_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"


class Margins(NamedTuple):
    """Pixels around the axes."""

    left: float
    right: float
    top: float
    bottom: float


class Drawing:
    """Axes of a given size, on which data are drawn and names written.

    Args:
        size: width and height of the whole, in pixels.
        margins: what of it lies around the axes.
    """

    def __init__(self, size: tuple[float, float], margins: Margins) -> None:
        import matplotlib
        from matplotlib.figure import Figure

        self.size, self.margins = size, margins
        self.texts: dict[str, str] = {}
        self.titles: dict[str, str] = {}
        self.over: set[str] = set()  # texts that may lie over lines, and have a rim of paper
        # The same drawing whatever the user's matplotlibrc says.
        defaults = matplotlib.rcParamsDefault.items()
        self._settings = {key: value for key, value in defaults if not key.startswith("backend")}
        self._settings |= {"svg.fonttype": "none", "svg.hashsalt": "mtc_keras"}
        with matplotlib.rc_context(self._settings):
            self.figure = Figure(figsize=(size[0] / 72, size[1] / 72), dpi=72)
            self.axes: Axes = self.figure.add_axes(
                (
                    margins.left / size[0],
                    margins.bottom / size[1],
                    (size[0] - margins.left - margins.right) / size[0],
                    (size[1] - margins.top - margins.bottom) / size[1],
                )
            )
            self.axes.set_axis_off()

    @property
    def inner(self) -> tuple[float, float]:
        """Width and height of the axes, in pixels."""
        left, right, top, bottom = self.margins
        return self.size[0] - left - right, self.size[1] - top - bottom

    def text(
        self,
        place: tuple[float, float],
        text: str,
        *,
        in_data: tuple[bool, bool] = (True, True),
        room: float | None = None,
        offset: tuple[float, float] = (0.0, 0.0),
        align: str = "left center",
        colour: str = "muted",
        size: float = SIZE,
        over: bool = False,
        rotation: float = 0.0,
    ) -> None:
        """Writes a name or number; what is longer than the room is cut, and told by its title.

        Args:
            place: x and y.
            text: str. What to write.
            in_data: whether x and y are values; else shares of the axes.
            room: optional float. Pixels that there are for it.
            offset: pixels to the right and upwards.
            align: str. Which point of the text lies there: horizontally, vertically.
            colour: str. One of `colours.LIGHT`.
            size: float. Of its letters, in pixels.
            over: bool. Whether it may lie over lines, and has a rim of the paper's colour.
            rotation: float. Degrees.
        """
        from matplotlib.transforms import ScaledTranslation, blended_transform_factory

        x, y = (self.axes.transData if data else self.axes.transAxes for data in in_data)
        moved = ScaledTranslation(offset[0] / 72, offset[1] / 72, self.figure.dpi_scale_trans)
        horizontal, vertical = align.split()
        name = f"text{len(self.texts)}"
        written = seen(text) if room is None else shortened(text, room, size)
        self.texts[name] = written
        if over:
            self.over.add(name)
        if written != seen(text):
            self.titles[name] = seen(text)
        self.axes.text(
            *place,
            PLACEHOLDER,
            transform=blended_transform_factory(x, y) + moved,
            ha=horizontal,
            va=vertical,
            color=SENTINELS[colour],
            fontsize=size,
            rotation=rotation,
            rotation_mode="anchor",
            gid=name,
            zorder=5,
        )

    def titled(self, title: str) -> str:
        """Returns the `gid` of an artist that has a title, shown while the pointer rests on it."""
        name = f"mark{len(self.titles)}"
        self.titles[name] = seen(title)
        return name

    def svg(self) -> str:
        """Returns the drawing as an `<svg>` element."""
        import matplotlib

        written = io.StringIO()
        with matplotlib.rc_context(self._settings):
            self.figure.savefig(written, format="svg", metadata={"Date": None}, transparent=True)
        return _for_page(written.getvalue(), self)


def _for_page(svg: str, drawing: Drawing) -> str:
    """Returns the SVG of matplotlib with what a page needs, and nothing else."""
    root = ElementTree.fromstring(svg)  # ours, with placeholders for all that is not
    used = {
        name
        for element in root.iter()
        for value in (element.get("clip-path", ""), element.get(_LINK, ""))
        for name in _REFERENCE.findall(value)
    }
    content = repr((svg, drawing.texts, drawing.titles)).encode("utf-8", "backslashreplace")
    prefix = f"drawn-{hashlib.sha256(content).hexdigest()[:10]}"
    wide, high = drawing.size
    page = ElementTree.Element(
        "svg",
        {
            "class": "drawing wide" if wide > 1.2 * WIDTH else "drawing",
            "viewBox": f"0 0 {wide:.0f} {high:.0f}",
            "style": f"max-width: {LARGER * wide:.0f}px; min-width: {LEAST * wide:.0f}px",
        },
    )
    names = {name: f"{prefix}-{number}" for number, name in enumerate(sorted(used))}
    page.extend(part for child in root for part in _cleaned(child, names, drawing))
    return ElementTree.tostring(page, encoding="unicode")


def _cleaned(
    element: ElementTree.Element, names: dict[str, str], drawing: Drawing
) -> Sequence[ElementTree.Element]:
    """Returns an element without namespaces and unused ids; a group that says nothing is opened."""
    tag = element.tag.removeprefix(_SVG)
    if tag in ("metadata", "style") or tag.startswith("{"):
        return []
    clean = ElementTree.Element(tag, _attributes(element, names))
    own = element.get("id", "")
    if own in drawing.titles:
        ElementTree.SubElement(clean, "title").text = drawing.titles[own]
    for child in element:
        clean.extend(_cleaned(child, names, drawing))
        if child.tag == f"{_SVG}text" and own in drawing.texts:
            clean[-1].text = drawing.texts[own]
            if own in drawing.over:
                clean[-1].set("class", "over")
    if tag == "g" and not clean.attrib and own not in drawing.titles:
        return list(clean)
    return [clean] if len(clean) or tag not in ("g", "defs") else []


def _attributes(element: ElementTree.Element, names: dict[str, str]) -> dict[str, str]:
    kept: dict[str, Any] = {}
    for key, value in element.items():
        if key == "id":
            if value in names:
                kept["id"] = names[value]
        elif key == "style":
            style = _COLOUR.sub(lambda found: _COLOURS[found[0]], _FONT.sub("", value))
            if style:
                kept["style"] = style.rstrip("; ")
        elif key in (_LINK, "clip-path"):
            name = _REFERENCE.sub(lambda found: f"#{names[found[1]]}", value)
            kept["href" if key == _LINK else key] = name
        elif key == "d":
            kept[key] = " ".join(value.split())
        elif not (key == "transform" and value.startswith("rotate(-0 ")):
            kept[key] = value
    return kept
