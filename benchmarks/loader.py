"""The loader beside bare decoding and transforming: images a second of the processor, and with workers.

usage: loader.py [IMAGES] [ROUNDS] [--write]     default: 240 images (a tenth of the large ones), 5 rounds

Bare is PIL and torchvision's tensors in a loop: open, convert, random resized crop to 224 px, flip, stack. Sfumato's
loader does the same with its own draws for each sample. Rates are images a second of the processor's time, on one
thread, of the process that trains and its workers; the ratio is the median over the rounds, in turns. Grey PNGs are
cells of ELPV; JPEGs are made of them, coloured and with noise.
"""

import argparse
import os
import platform
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
import torch
from PIL import Image
from torchvision.transforms import v2

from sfumato.data.augment import AugmentSpec
from sfumato.data.decoded_cache import DecodedCache
from sfumato.data.loading import Request, Samples, batches
from sfumato.data.pictures import Pictures
from sfumato.data.preprocess import Preprocess
from sfumato.data.table import Table, Task, make_table
from sfumato.demo.elpv import read_cells
from sfumato.labels import LabelSpace
from sfumato.run_folder import environment

SIZE, BATCH, ASKED = 224, 32, 0.95
CROP = AugmentSpec(brightness=0, contrast=0)
LARGE = "JPEG 2000 x 1500"
SHAPES = {"PNG 300, grey": None, "JPEG 500 x 375": (500, 375), LARGE: (2000, 1500)}
BARE = v2.Compose(
    [v2.PILToTensor(), v2.RandomResizedCrop(SIZE, (0.5, 1), (0.75, 1.33), antialias=True), v2.RandomHorizontalFlip()]
)


def make(root: Path, shape: tuple[int, int] | None, count: int) -> list[Path]:
    """So many pictures of a kind."""
    cells = [cell.image for cell in read_cells()][:count]
    if shape is None:
        return cells
    root.mkdir()
    rng, paths = np.random.default_rng(0), []
    for i, cell in enumerate(cells):
        grey = np.asarray(Image.open(cell).convert("RGB").resize(shape, Image.Resampling.BICUBIC), dtype=float)
        pixels = np.clip(grey * rng.uniform(0.5, 1.2, 3) + rng.normal(0, 6, grey.shape), 0, 255)
        paths.append(root / f"{i}.jpg")
        Image.fromarray(pixels.astype(np.uint8)).save(paths[-1], quality=90)
    return paths


def table_of(paths: list[Path]) -> Table:
    """A sample each."""
    columns = {"id": [str(path) for path in paths], "images": [[str(path)] for path in paths]}
    frame = pl.DataFrame({**columns, "label": ["a", "b"] * (len(paths) // 2)})
    return make_table(frame, (Task("label", LabelSpace(("a", "b"))),), "made up")


def bare(paths: list[Path]) -> None:
    """The loop that anyone would write."""
    for start in range(0, len(paths), BATCH):
        torch.stack([BARE(Image.open(path).convert("RGB")) for path in paths[start : start + BATCH]])


def load(table: Table, pictures: Pictures, workers: int) -> None:
    """The same by the loader."""
    samples = Samples(table, Preprocess(SIZE, "crop", "bilinear", (0.5,) * 3, (0.5,) * 3), CROP, 0, pictures)
    rows = [range(start, min(start + BATCH, len(table))) for start in range(0, len(table), BATCH)]
    for _ in batches(samples, [[Request(row, 0, 0, SIZE, 1.0) for row in some] for some in rows], workers):
        pass


def busy(work: Callable[[], None]) -> float:
    """Seconds of the processor, of this process and those it started."""
    before = os.times()
    work()
    return sum(os.times()[:4]) - sum(before[:4])


def ways(paths: list[Path]) -> dict[str, Callable[[], None]]:
    """How the same pictures are loaded."""
    table, cache = table_of(paths), DecodedCache(256)
    kept = Pictures(0, cache=cache)
    for path in paths:
        kept.look(path)
    kept.settle()
    found: dict[str, Callable[[], None]] = {
        "bare": lambda: bare(paths),
        "Sfumato": lambda: load(table, Pictures(0), 0),
        "Sfumato, 1 worker": lambda: load(table, Pictures(0), 1),
        "`decode: scaled`": lambda: load(table, Pictures(0, least=2 * 367), 0),
        "`cache_side: 256`": lambda: load(table, kept, 0),
    }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="?", type=int, default=240)
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    lines, worst = [], 9.0
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_CACHE_HOME"] = f"{name}/cache"
        for kind, shape in SHAPES.items():
            paths = make(Path(name) / f"{shape}", shape, given.images // (10 if kind == LARGE else 1))
            done = ways(paths)
            taken: dict[str, list[float]] = {way: [] for way in done}
            for turn in range(given.rounds + 1):
                for way in list(done) if turn % 2 else list(done)[::-1]:
                    taken[way].append(busy(done[way]))
            rates = {way: len(paths) / median(times[1:]) for way, times in taken.items()}
            pairs = zip(taken["bare"][1:], taken["Sfumato"][1:], strict=True)
            ratio = median(theirs / ours for theirs, ours in pairs)
            worst = min(worst, ratio)
            lines.append(f"| {kind} | " + " | ".join(f"{rate:.0f}" for rate in rates.values()) + f" | {ratio:.2f} |")
            print(lines[-1], flush=True)
    text = result(lines, list(done), given)
    print(text)
    if given.write:
        where = Path(__file__).parent / "results"
        target = where / f"loader_{os.cpu_count()}-core-{platform.machine()}_{date.today()}.md"
        target.write_text(text, encoding="utf-8")
    assert worst >= ASKED, f"{worst:.2f} of what bare decoding and transforming reach"


def result(lines: list[str], names: list[str], given: argparse.Namespace) -> str:
    """The table as Markdown."""
    env = environment()
    head = [
        "# The loader beside bare decoding and transforming",
        "",
        f"`python benchmarks/loader.py {given.images} {given.rounds} --write`, {date.today()}. {env['processor']};",
        f"Python {env['python']}, torch {env['packages']['torch']}, Pillow {env['packages']['pillow']}.",
        "Images a second of the processor, to 224 px; see the script's head. Ratio: Sfumato's, without workers,",
        "to the bare one. With a worker its start counts too, a second or so.",
        "",
        f"| | {' | '.join(names)} | ratio |",
        f"| --- | {' | '.join('---' for _ in names)} | --- |",
    ]
    return "\n".join([*head, *lines]) + "\n"


if __name__ == "__main__":
    main()
