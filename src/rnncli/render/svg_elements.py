"""What SVG files are drawn with: colours, rectangles and plain text.

Nothing depends on how wide a viewer's font is: every text has its own place, a number ends where
its column ends, and rules are drawn, not written.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from xml.sax.saxutils import escape

from rnncli.render.text import printable, ticks

_BOLD = ' font-weight="bold"'
LEFT, RIGHT = 64, 24  # pixels beside what is drawn over time
_WIDTH = 720  # of it at most, but for cells of a pixel
MONO, SANS = "monospace", "sans-serif"  # CairoSVG looks at the first family alone


class Look(NamedTuple):
    """Colours, as SVG has them: the background, text, rules, and text in the terminal's colours."""

    back: str
    text: str
    rule: str
    faint: str
    codes: dict[str, str]  # by the number of an SGR sequence


LIGHT = Look("#ffffff", "#1f2328", "#8c959f", "#57606a",
             {"34": "#116329", "45": "#0a6ebd", "33": "#0550ae", "91": "#cf222e"})  # fmt: skip
DARK = Look("#0d1117", "#e6edf3", "#6e7681", "#9198a1",
            {"34": "#56d364", "45": "#79c0ff", "33": "#6cb6ff", "91": "#ff7b72"})  # fmt: skip


def document(title: str, width: int, height: int, look: Look, parts: Iterable[str]) -> str:
    """Return an SVG file of this size in pixels."""
    return "\n".join((
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(printable(title))}</title>",
        rect(0, 0, width, height, look.back),
        *parts,
        "</svg>\n",
    ))  # fmt: skip


def rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    """Return a filled rectangle; its edges stay sharp."""
    return (f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}" '
            'shape-rendering="crispEdges"/>')  # fmt: skip


class Drawing(NamedTuple):
    """Elements, and how far to the right and down they go."""

    parts: list[str]
    width: float
    height: float


def stacked(title: str, drawings: Iterable[Drawing], look: Look) -> str:
    """Return an SVG file of drawings that stand one below the other."""
    found = list(drawings)
    width = max(LEFT + 560, *(each.width + RIGHT for each in found))
    parts = [part for each in found for part in each.parts]
    return document(title, int(width), int(found[-1].height), look, parts)


class Span(NamedTuple):
    """A piece of a text in one colour."""

    content: str
    fill: str
    bold: bool = False


def text(x: float, y: float, spans: Iterable[Span], size: int = 14, *, font: str = SANS,
         anchor: str = "start") -> str:  # fmt: skip
    """Return a text on the baseline `y`, its pieces one after another."""
    parts = "".join(
        f'<tspan fill="{fill}"{_BOLD * bold}>{escape(content)}</tspan>'
        for content, fill, bold in spans
    )
    return (f'<text x="{x:g}" y="{y:g}" font-family="{font}" font-size="{size}" '
            f'text-anchor="{anchor}" xml:space="preserve">{parts}</text>')  # fmt: skip


def small(x: float, y: float, content: str, fill: str, anchor: str = "start") -> str:
    """Return a label."""
    return text(x, y, [Span(content, fill)], 12, anchor=anchor)


def side(cells: int, room: int = _WIDTH) -> int:
    """Return the width, or the height, of one of so many cells."""
    return max(1, min(18, room // max(1, cells)))


def steps(count: int, columns: int, bottom: float, width: int, look: Look) -> Iterator[str]:
    """Yield the axis of steps: marks and round numbers below their columns."""
    apart = -(-(8 * len(f"{count:,}") + 14) // width)
    for step, column in ticks(count, columns, apart):
        middle = LEFT + (column + 0.5) * width
        yield rect(middle - 0.5, bottom + 2, 1, 4, look.rule)
        yield small(middle, bottom + 19, f"{step:,}", look.faint, anchor="middle")
    yield small(LEFT - 8, bottom + 19, "step", look.text, anchor="end")
