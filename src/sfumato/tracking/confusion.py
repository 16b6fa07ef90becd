"""Confusions as pictures, for services that show pictures."""

import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
from matplotlib import rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from sfumato.json_file import read_json
from sfumato.report.svg import own_style
from sfumato.run_folder import RunFolder

NAMED = 40
"""Up to so many classes have their name beside the picture."""


@contextmanager
def draw_confusions(folder: RunFolder) -> Generator[dict[str, Path]]:
    """Within the context there is a PNG of each measured part whose samples are of one class each: name -> path."""
    found = cast(dict[str, dict[str, Any]], read_json(folder.metrics)) if folder.metrics.is_file() else {}
    with tempfile.TemporaryDirectory(prefix="sfumato-") as scratch:
        made: dict[str, Path] = {}
        for part, results in found.items():
            if "confusion" in results:
                path = Path(scratch) / f"confusion_{len(made)}_{part.split('.')[0]}.png"
                names = [str(row["name"]) for row in results["classes"]]
                _draw(names, np.array(results["confusion"]), path)
                made[f"confusion/{part}"] = path
        yield made


CHINESE = ("Noto Sans CJK SC", "WenQuanYi Micro Hei", "Droid Sans Fallback", "PingFang SC", "Microsoft YaHei", "SimHei")


def _chinese_fonts() -> list[str]:
    """Those of this machine, for the letters that matplotlib's own font lacks."""
    there = set(fontManager.get_font_names())
    return [name for name in CHINESE if name in there]


def _draw(names: list[str], counts: np.ndarray[Any, Any], path: Path) -> None:
    """Each row a true class, its shares from white to blue."""
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    side = min(12.0, 3.0 + 0.22 * len(names))
    with own_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from font")  # a box for a letter is no reason to stop
        rcParams["font.family"] = ["DejaVu Sans", *_chinese_fonts()]
        figure = Figure(figsize=(side, side), layout="tight")
        axes = figure.add_subplot()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        axes.set(xlabel="named", ylabel="true")
        if len(names) <= NAMED:
            axes.set_xticks(range(len(names)), names, rotation=90)
            axes.set_yticks(range(len(names)), names)
        FigureCanvasAgg(figure).print_png(str(path))
