"""Figures as SVG text: the same bytes for the same figure, letters left to the browser, colours left to the page."""

import io
import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from sfumato.report.palette import TONES, VARIABLES, fading

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', sans-serif"
STRONG, WEAK = 0.85, 0.22
"""Opacity of a fading colour at its top and at its bottom."""
_POINTS = 72 / 96
"""In a pixel."""


@contextmanager
def own_style() -> Generator[None]:
    """Within the context matplotlib draws as shipped, whatever the user's matplotlibrc says, and repeatably."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams["svg.fonttype"] = "none"
        mpl.rcParams["svg.hashsalt"] = "sfumato"
        yield


def to_svg(figure: Figure) -> str:
    """A whole SVG file, in the figure's own colours."""
    buffer = io.StringIO()
    with own_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from font")  # the browser has the letters
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    text = re.sub(r"font-family: [^;\"]*", f"font-family: {FONT}", buffer.getvalue())
    text = re.sub(r"(font: [^;\"]*?px) [^;\"]*", rf"\1 {FONT}", text)
    return _with_fades(text)


def inline(svg: str, name: str, title: str, trim: tuple[float, float] = (0, 0)) -> Markup:
    """The picture as a part of an HTML page, coloured by the page's CSS variables.

    Args:
        svg: From `to_svg`.
        name: Unique in the page; it keeps the ids of several pictures apart.
        title: What a screen reader says.
        trim: Pixels cut off at the left and at the right, since the page has margins of its own.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r' xmlns(:\w+)?="[^"]*"', "", body)
    body = re.sub(r' id="((?:figure|axes|patch|text|line2d|PolyCollection|matplotlib|xtick|ytick)[^"]*)"', "", body)
    body = re.sub(r' id="([^"]*)"', rf' id="{name}-\1"', body)
    body = body.replace("url(#", f"url(#{name}-").replace('xlink:href="#', f'href="#{name}-')
    for colour, variable in VARIABLES.items():
        body = body.replace(colour, f"var(--{variable})")
    head = f'<svg role="img" aria-label="{Markup.escape(title)}"'
    body = re.sub(r'<svg width="[^"]*" height="[^"]*"', lambda _: head, body, count=1)
    return Markup(_trimmed(body, *trim))


def _trimmed(body: str, left: float, right: float) -> str:
    """The picture without so many pixels at its left and right."""

    def box(match: re.Match[str]) -> str:
        width, height = float(match.group(1)), match.group(2)
        return f'viewBox="{left * _POINTS:g} 0 {width - (left + right) * _POINTS:g} {height}"'

    return re.sub(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', box, body, count=1)


def _with_fades(svg: str) -> str:
    """Turn the fading colours into vertical gradients."""
    used = [tone for tone in TONES if fading(tone) in svg]
    for tone in used:
        svg = svg.replace(f"fill: {fading(tone)}", f"fill: url(#fade{tone[1:]})").replace(fading(tone), tone)
    gradients = "".join(
        f'<linearGradient id="fade{tone[1:]}" x1="0" y1="0" x2="0" y2="1">'
        f'<stop offset="0" style="stop-color: {tone}; stop-opacity: {STRONG}"/>'
        f'<stop offset="1" style="stop-color: {tone}; stop-opacity: {WEAK}"/></linearGradient>'
        for tone in used
    )
    return svg.replace("<defs>", f"<defs>{gradients}", 1) if used else svg
