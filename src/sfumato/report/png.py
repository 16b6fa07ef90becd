"""Figures as PNG files, for slides and chats that show no SVG: twice as many pixels, the same fading colours."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from sfumato.report.palette import TONES, fading
from sfumato.report.svg import STRONG, WEAK, own_style

_DOTS = 192
"""An inch: twice those of the page."""


def write_png(figure: Figure, path: Path) -> None:
    """Write a figure; it is changed, and of no more use."""
    with own_style():
        for axes in figure.axes:
            for patch in list(axes.patches):
                _fade(axes, patch)
        FigureCanvasAgg(figure)
        figure.savefig(path, dpi=_DOTS, metadata={"Software": None})


def _fade(axes: Axes, patch: Patch) -> None:
    """Put a vertical gradient in the place of a fading colour."""
    found = patch.get_facecolor()
    tone = next((tone for tone in TONES if to_rgba(fading(tone)) == found), None)
    if tone is None:
        return
    corners = patch.get_path().get_extents()
    colour = np.empty((256, 1, 4))
    colour[:, 0, :3] = to_rgba(tone)[:3]
    colour[:, 0, 3] = np.linspace(STRONG, WEAK, 256)
    limits = axes.get_xlim(), axes.get_ylim()
    extent = (corners.x0, corners.x1, corners.y1, corners.y0)
    image = axes.imshow(colour, extent=extent, aspect="auto", origin="upper", zorder=patch.get_zorder())
    image.set_clip_path(patch)
    patch.set_facecolor("none")
    axes.set(xlim=limits[0], ylim=limits[1])
