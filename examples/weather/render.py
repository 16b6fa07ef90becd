"""Renders a gallery: weather charts of 33 products by agencies that do not exist, and pictures that are no charts.

usage: render.py GALLERY [--charts 3000] [--others 600] [--sources 30] [--seed 0] [--workers N] [--font FILE]
                 [--photos DIR]

GALLERY/labels.jsonl names every picture: path, is_meteo, labels (elements), product, source, time, and what was drawn.
The same command draws the same gallery, whatever the number of workers.
"""

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from gallery.agencies import agency
from gallery.canvas import DPI, Canvas, add_font
from gallery.chart import draw
from gallery.others import other
from gallery.plan import Entry, planned
from gallery.weather import Weather
from sfumato.data.images import READ
from sfumato.errors import InputError
from sfumato.labels import Label, read_labels
from sfumato.synthesis.fonts import font_for, installed_fonts

LABELS = Path(__file__).parent / "labels.yaml"
NO_CHART = "other_picture"
"""What a single classifier of all products has to say of other pictures, as the gate does."""
QUALITY = (78, 88, 95)
"""Of JPEG; every fourth picture is a PNG."""


class Painter:
    """Draws any entry of a plan; one a process."""

    def __init__(self, folder: Path, seed: int, font: str, photographs: Sequence[Path]) -> None:
        logging.getLogger("matplotlib.font_manager").setLevel(
            logging.ERROR
        )  # a font without bold is told a thousand times
        self.folder, self.seed, self.photographs = folder, seed, photographs
        self.canvas = Canvas(Figure(dpi=DPI), ["DejaVu Sans", add_font(font)])
        self.products: dict[str, Label] = {one.id: one for one in read_labels(LABELS, "products").labels}
        self.elements = read_labels(LABELS, "elements").names

    def paint(self, entry: Entry) -> dict[str, object]:
        """Draw and save one picture; the row of the manifest that describes it."""
        rng = np.random.default_rng([self.seed, 3, entry.number])
        row: dict[str, object] = {"path": self._path(entry), "is_meteo": int(entry.product is not None)}
        if entry.product is None:
            picture = other(entry.kind, rng, self.canvas, self.photographs[entry.era :: 3])
            row |= {
                "outcome": NO_CHART,
                "source": f"website-{entry.source:02d}",
                "time": f"{entry.time:%Y-%m-%dT%H:%M}",
                "kind": entry.kind,
            }
        else:
            by = agency(entry.source, self.seed)
            drawn = draw(self.products[entry.product], by, _weather(entry), entry.time, rng, self.canvas)
            picture = drawn.picture
            shown = [name for name in self.elements if name in drawn.elements]
            row |= {
                "labels": shown,
                "product": entry.product,
                "outcome": entry.product,
                "source": by.id,
                "time": f"{entry.time:%Y-%m-%dT%H:%M}",
            }
            row |= {"titled": drawn.titled, "language": drawn.language, "signed": drawn.signed}
        target = self.folder / str(row["path"])
        quality = {} if target.suffix == ".png" else {"quality": QUALITY[entry.number % 3]}
        picture.save(target, **quality)
        return row

    def _path(self, entry: Entry) -> str:
        return f"images/{entry.number:05d}.{'png' if entry.number % 4 == 0 else 'jpg'}"


@lru_cache(maxsize=160)
def _moment(step: float, seed: int) -> Weather:
    return Weather(step, seed, seed % 21)


def _weather(entry: Entry) -> Weather:
    return _moment(entry.step, entry.weather)


_painter: Painter | None = None


def _begin(*given: object) -> None:
    global _painter  # noqa: PLW0603  # a process's own
    _painter = Painter(*given)  # pyright: ignore[reportArgumentType]


def _paint(entry: Entry) -> dict[str, object]:
    assert _painter is not None
    return _painter.paint(entry)


def render(
    folder: Path,
    charts: int = 1800,
    others: int = 600,
    *,
    sources: int = 30,
    seed: int = 0,
    workers: int = 1,
    font: str | None = None,
    photographs: Sequence[Path] = (),
) -> list[dict[str, object]]:
    """Render a gallery into a new folder, and write its manifest last.

    Raises:
        InputError: The folder holds something, too few or too many sources, or no font has the letters needed.
    """
    if not 3 <= sources <= 30:
        raise InputError(
            f"{sources} sources", setting="--sources", expected="3 to 30: some train, some choose, some measure"
        )
    if folder.exists() and any(folder.iterdir()):
        raise InputError("holds something already", where=str(folder), expected="a new or empty folder")
    chosen = font_for(letters(), installed_fonts() if font is None else [font], setting="--font")
    print(f"font: {chosen}", file=sys.stderr)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    entries = planned(charts, others, sources, read_labels(LABELS, "products").names, seed)
    given = (folder, seed, chosen, tuple(photographs))
    rows = list(_in_processes(sorted(entries, key=lambda entry: entry.weather), given, workers))
    rows.sort(key=lambda row: str(row["path"]))
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "labels.jsonl").write_text(text, encoding="utf-8")
    return rows


def _in_processes(entries: Sequence[Entry], given: tuple[object, ...], workers: int) -> list[dict[str, object]]:
    """Entries of one date go to one process, which has its weather at hand."""
    if workers == 1:
        _begin(*given)
        return [_paint(entry) for entry in entries]
    with get_context("spawn").Pool(workers, _begin, given) as pool:
        return list(pool.imap_unordered(_paint, entries, chunksize=16))


def letters() -> str:
    """Every letter a chart may hold that is not Latin, and more."""
    names = [
        text
        for section in ("elements", "products")
        for label in read_labels(LABELS, section).labels
        for text in label.spellings
    ]
    return "".join(sorted(set("".join(names)) | set("高低时效未来小时实况分析海平面地面年月日℃°")))


def _photographs(folders: Sequence[str]) -> list[Path]:
    found = [path for one in folders for path in sorted(Path(one).rglob("*")) if path.suffix.lower() in READ]
    if folders and not found:
        raise InputError(
            "no picture in it", where=folders[0], setting="--photos", expected=f"files ending in {', '.join(READ)}"
        )
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gallery", type=Path, help="a new folder")
    parser.add_argument("--charts", type=int, default=3000)
    parser.add_argument("--others", type=int, default=600)
    parser.add_argument("--sources", type=int, default=30, help="agencies, 3 to 30")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--font", help="a font with Chinese letters; none = one that is installed")
    parser.add_argument("--photos", action="append", default=[], help="a folder of photographs; may be repeated")
    asked = parser.parse_args()
    since = time.perf_counter()
    try:
        rows = render(
            asked.gallery, asked.charts, asked.others, sources=asked.sources, seed=asked.seed, workers=asked.workers,
            font=asked.font, photographs=_photographs(asked.photos),
        )  # fmt: skip
    except InputError as error:
        sys.exit(f"error: {error}")
    seconds = time.perf_counter() - since
    rate = f"{len(rows) / seconds:.1f}/s by {asked.workers} processes"
    print(f"{len(rows)} pictures in {seconds:.0f} s, {rate}: {asked.gallery}")


if __name__ == "__main__":
    main()
