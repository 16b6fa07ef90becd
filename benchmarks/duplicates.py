"""How many planted copies are found, how many pairs are wrong, and what a million pictures cost.

usage: duplicates.py [planted] [scale] [--write]      both without a name; planted takes 1 minute, scale about 20
"""

import io
import json
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image

from sfumato.data.duplicates.candidates import find_candidates
from sfumato.data.duplicates.fingerprint import COARSE, Fingerprints, chunks, fingerprint
from sfumato.data.duplicates.search import find_duplicates
from sfumato.data.images import Pixels, decode
from sfumato.demo.elpv import read_cells
from sfumato.run_folder import environment

SEEDS = (31, 32, 33, 34, 35)
"""The limit of similarity was chosen on seeds 1 to 8."""
COPIES = 40
KINDS = ("j", "r", "c", "l", "cr", "cj", "rj", "lj", "cl", "crlj")
"""j = JPEG, quality 30 to 90; r = resized 0.5 to 2 times; c = cropped 2 to 10 % a side; l = brightness or contrast."""
SIZES = (10_000, 100_000, 1_000_000)
PLANTED = 200
BATCH = 1_000
PLANTED_TEXT = f"""{COPIES} copies planted among the 2,624 photographs of elpv-dataset: JPEG of quality 30 to 90,
resized 0.5 to 2 times, cropped by 2 to 10 % on each side, gain and offset off by 20 to 30 %, and combinations of
these. A pair is wrong if it was not planted and shows a monocrystalline cell. Pairs of polycrystalline cells that were
not planted are counted apart as alike: they show the same crystals, as wafers do that were cut one after the other, or
are one cell photographed twice; a split must keep both together."""
SCALE_TEXT = f"""Synthetic thumbnails with the spectrum of photographs, in a file; {PLANTED} of them are crops of others
by 2 to 10 % a side, with noise. Candidates still have to be verified, at most 6 a picture."""


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


def synthetic(rows: slice) -> NDArray[np.float32]:
    """(len(rows), 64, 64) pictures with the spectrum of photographs: amplitude falls as frequency rises."""
    rng = np.random.default_rng(rows.start)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(64), np.fft.rfftfreq(64), indexing="ij"))
    noise = rng.standard_normal((rows.stop - rows.start, *frequency.shape, 2), dtype=np.float32)
    spectrum = noise.view(np.complex64)[..., 0] / np.maximum(frequency, 1 / 64).astype(np.float32)
    pictures = np.fft.irfft2(spectrum, axes=(1, 2)).astype(np.float32)
    low, high = pictures.min(axis=(1, 2), keepdims=True), pictures.max(axis=(1, 2), keepdims=True)
    return 255 * (pictures - low) / (high - low)


def thumbnail(picture: NDArray[np.float32], cut: NDArray[np.float64] | None = None) -> NDArray[np.uint8]:
    """(COARSE, COARSE) of a picture, or of what is left of it by cutting four shares off (left, top, right, bottom)."""
    left, top, right, bottom = (np.zeros(4) if cut is None else cut) * 64
    box = (float(left), float(top), float(64 - right), float(64 - bottom))
    small = Image.fromarray(picture).resize((COARSE, COARSE), Image.Resampling.BOX, box=box)
    return np.rint(np.asarray(small)).astype(np.uint8)


def write_thumbnails(file: Path, n: int) -> NDArray[np.int64]:
    """Fill a file with n thumbnails of which the last PLANTED are cropped copies; the rows they were made from."""
    stored = np.memmap(file, np.uint8, "w+", shape=(n, COARSE, COARSE))
    rng = np.random.default_rng(0)
    sources = np.sort(rng.choice(n - PLANTED, PLANTED, replace=False))
    copies: list[NDArray[np.uint8]] = []
    for rows in chunks(n, BATCH):
        pictures = synthetic(rows)
        stored[rows] = [thumbnail(picture) for picture in pictures]
        for source in sources[(sources >= rows.start) & (sources < rows.stop)]:
            copy = thumbnail(pictures[source - rows.start], rng.uniform(0.02, 0.10, 4))
            copies.append(np.clip(copy + rng.normal(0, 3, copy.shape), 0, 255).astype(np.uint8))
    stored[n - PLANTED :] = copies
    return sources


def scale_case(file: Path, n: int) -> dict[str, float]:
    """Seconds, peak MB and recall of the search for candidates among n thumbnails in a file."""
    sources = np.load(file.with_suffix(".npy"))

    def coarse(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        return np.asarray(np.memmap(file, np.uint8, "r", shape=(n, COARSE, COARSE))[rows])

    begin = time.perf_counter()
    found = find_candidates(coarse, np.arange(n), lambda items, _: items)
    seconds = time.perf_counter() - begin
    pairs = {(min(pair), max(pair)) for pair in zip(found.whole.tolist(), found.part.tolist(), strict=True)}
    hits = [(int(source), n - PLANTED + i) in pairs for i, source in enumerate(sources)]
    return {"seconds": seconds, "peak": peak(), "recall": float(np.mean(hits)), "pairs": len(pairs)}


def peak() -> float:
    """MB this process held at most; ru_maxrss would count what its parent held before it began."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def scale_table(sizes: tuple[int, ...] = SIZES) -> list[str]:
    """The search for candidates at growing sizes; asserts its bounds on memory, growth and recall."""
    lines = ["| pictures | search for candidates, s | peak MB | planted crops met | candidates |", "| --- " * 5 + "|"]
    cases: list[dict[str, float]] = []
    for n in sizes:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "thumbnails"
            np.save(file.with_suffix(".npy"), write_thumbnails(file, n))
            command = [sys.executable, __file__, "--case", str(file), str(n)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        cases.append(one := json.loads(answer.splitlines()[-1]))
        figures = f"{one['seconds']:.0f} | {one['peak']:.0f} | {one['recall']:.1%} | {one['pairs']:,}"
        lines.append(f"| {n:,} | {figures} |")
        print(lines[-1], flush=True)
    assert max(one["peak"] for one in cases) < 2000, "more memory than 2 GB"
    assert min(one["recall"] for one in cases) >= 0.95, "too few planted crops were met"
    assert all(b["seconds"] < 15 * a["seconds"] for a, b in pairwise(cases)), "time grows faster than the data"
    return lines


def main() -> None:
    env = environment()
    asked = [name for name in ("planted", "scale") if name in sys.argv] or ["planted", "scale"]
    lines = [
        "# Duplicates: what is found, what is wrong, what it costs",
        "",
        f"`python benchmarks/duplicates.py {' '.join(asked)} --write`, {date.today()}. {env['processor']}, 2 cores,",
        f"no GPU; Python {env['python']}, numpy {np.__version__}.",
    ]
    if "planted" in asked:
        lines += ["", PLANTED_TEXT, "", *planted_table()]
    if "scale" in asked:
        lines += ["", SCALE_TEXT, "", *scale_table()]
    if "--write" in sys.argv:
        target = Path(__file__).parent / "results" / f"duplicates_2-core-{platform.machine()}_{date.today()}.md"
        target.parent.mkdir(exist_ok=True)
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if "--case" in sys.argv:
        at = sys.argv.index("--case")
        print(json.dumps(scale_case(Path(sys.argv[at + 1]), int(sys.argv[at + 2]))))
    else:
        main()
