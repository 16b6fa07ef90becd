"""How many planted copies are found, and how many pairs are wrong.

usage: duplicates.py [--write]      takes 1 minute
"""

import io
import platform
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from sfumato.data.duplicates.fingerprint import Fingerprints, fingerprint
from sfumato.data.duplicates.search import find_duplicates
from sfumato.data.images import Pixels, decode
from sfumato.demo.elpv import read_cells
from sfumato.run_folder import environment

SEEDS = (31, 32, 33, 34, 35)
"""The limit of similarity was chosen on seeds 1 to 8."""
COPIES = 40
KINDS = ("j", "r", "c", "l", "cr", "cj", "rj", "lj", "cl", "crlj")
"""j = JPEG, quality 30 to 90; r = resized 0.5 to 2 times; c = cropped 2 to 10 % a side; l = brightness or contrast."""
PLANTED_TEXT = f"""{COPIES} copies planted among the 2,624 photographs of elpv-dataset: JPEG of quality 30 to 90,
resized 0.5 to 2 times, cropped by 2 to 10 % on each side, gain and offset off by 20 to 30 %, and combinations of
these. A pair is wrong if it was not planted and shows a monocrystalline cell. Pairs of polycrystalline cells that were
not planted are counted apart as alike: they show the same crystals, as wafers do that were cut one after the other, or
are one cell photographed twice; a split must keep both together."""


def planted_copy(pixels: Pixels, kind: str, rng: np.random.Generator) -> Pixels:
    image = Image.fromarray(pixels)
    w, h = image.size
    if "c" in kind:
        left, top, right, bottom = rng.uniform(0.02, 0.10, 4)
        image = image.crop((round(left * w), round(top * h), round(w - right * w), round(h - bottom * h)))
    if "r" in kind:
        share = 2 ** rng.uniform(-1, 1)
        image = image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.BICUBIC)
    if "l" in kind:
        gain, offset = 1 + rng.choice([-1, 1], 2) * rng.uniform(0.2, 0.3, 2) - np.array([0, 1])
        lit = (np.asarray(image, dtype=np.float32) - 128) * gain + 128 * (1 + offset * rng.integers(0, 2))
        image = Image.fromarray(np.clip(np.rint(lit), 0, 255).astype(np.uint8))
    if "j" in kind:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(rng.integers(30, 91)))
        image = Image.open(buffer)
    return decode(image)


@dataclass
class Planted:
    found: int
    wrong: int
    alike: int
    """Pairs of polycrystalline cells that are not planted: wafers cut one after the other from one block."""
    fingerprint_ms: float
    search_s: float


def planted(seed: int, cells: list[Pixels], single: list[bool]) -> Planted:
    """Plant COPIES among the cells. A pair is right if both stem from one cell.

    It is counted as alike if both cells are polycrystalline: neighbours in the block show the same crystals. A cell
    made of a single crystal has no such neighbour: a pair with it that is not planted is wrong.
    """
    rng = np.random.default_rng(seed)
    sources = rng.choice(len(cells), COPIES, replace=False)
    source = np.concatenate([np.arange(len(cells)), sources])
    pictures = cells + [planted_copy(cells[s], KINDS[i % len(KINDS)], rng) for i, s in enumerate(sources)]
    begin = time.perf_counter()
    prints = Fingerprints([f"{i:05d}" for i in range(len(pictures))])
    for row, pixels in enumerate(pictures):
        prints.add(row, fingerprint(pixels))
    middle = time.perf_counter()
    pairs = find_duplicates(prints, lambda items, _: items)
    end = time.perf_counter()
    a, b = (source[pairs[side].cast(pl.Int64).to_numpy()] for side in ("a", "b"))
    either_single = np.array(single)[a] | np.array(single)[b]
    wrong, alike = int(((a != b) & either_single).sum()), int(((a != b) & ~either_single).sum())
    return Planted(int((a == b).sum()), wrong, alike, 1e3 * (middle - begin) / len(pictures), end - middle)


def planted_table() -> list[str]:
    """The benchmark on photographs; asserts its bounds over all seeds."""
    cells = list(read_cells())
    pixels, single = [decode(cell.image) for cell in cells], [cell.kind == "mono" for cell in cells]
    lines = ["| seed | planted | found | wrong | alike | fingerprint, ms | search, s |", "| --- " * 7 + "|"]
    results: list[Planted] = []
    for seed in SEEDS:
        results.append(one := planted(seed, pixels, single))
        figures = f"{one.found} | {one.wrong} | {one.alike} | {one.fingerprint_ms:.2f} | {one.search_s:.1f}"
        lines.append(f"| {seed} | {COPIES} | {figures} |")
        print(lines[-1], flush=True)
    found, wrong = sum(one.found for one in results), sum(one.wrong for one in results)
    total = found + wrong + sum(one.alike for one in results)
    share = f"{found / COPIES / len(SEEDS):.1%} of the planted pairs found"
    lines += [
        "",
        f"{share}; {wrong} of the {total} pairs reported are wrong, {wrong / total:.2%}.",
    ]
    print(lines[-1])
    assert found >= 0.95 * COPIES * len(SEEDS), "too few planted pairs were found"
    assert wrong <= 0.01 * total, "too many pairs are wrong"
    return lines


def main() -> None:
    env = environment()
    lines = [
        "# Duplicates: what is found, and what is wrong",
        "",
        f"`python benchmarks/duplicates.py --write`, {date.today()}. {env['processor']}, 2 cores, no GPU;",
        f"Python {env['python']}, numpy {np.__version__}. What a million pictures cost: `scale.py`.",
        "",
        PLANTED_TEXT,
        "",
        *planted_table(),
    ]
    if "--write" in sys.argv:
        target = Path(__file__).parent / "results" / f"duplicates_2-core-{platform.machine()}_{date.today()}.md"
        target.parent.mkdir(exist_ok=True)
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
