"""`sfumato check` on folders with a train, a val and a test part, into which copies were planted across them.

usage: planted_check.py [NAME ...] [--write]    NAME: solar-cells, stamps; default: all that are installed

Each folder is checked twice, with the copies and without: what was near-duplicate before is the data's own business
and counted apart. A reported pair of a planted copy is right if the other picture is the one it was made of, or one
that the data's own near-duplicates lead to from there; every other pair of a copy is wrong, and so is every pair of
two of the data's own pictures that was not reported without the copies. Copies are made of pictures with sides of at
least 160 px: no copy then falls below the 64 px from which near-duplicates are looked for.
"""

import importlib.util
import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from PIL import Image

from duplicates import KINDS, planted_copy
from sfumato.data.duplicates.fingerprint import LEAST_SIDE
from sfumato.data.duplicates.search import clusters
from sfumato.data.images import decode
from sfumato.demo.elpv import read_cells
from sfumato.run_folder import environment

STAMPS = Path("/usr/share/tuxpaint/stamps")
COPIES = 40
SEEDS = (41, 42, 43)
"""No limit was chosen on them."""
LEAST_FOUND, MOST_WRONG = 0.95, 0.01


@dataclass(frozen=True)
class Found:
    """One folder with copies."""

    found: int
    """Planted pairs that were reported."""
    leaks: int
    """Those of them that were reported as a leak between parts."""
    pairs: int
    """Pairs that were reported."""
    own: int
    """Those of them that the data had before."""
    wrong: int
    seconds: float


def solar_cells() -> Iterator[tuple[Path, str]]:
    """Photographs and their classes."""
    return ((cell.image, cell.label) for cell in read_cells())


def stamps() -> Iterator[tuple[Path, str]]:
    """Pictures, and the folder they stand in."""
    return ((path, path.relative_to(STAMPS).parts[0]) for path in sorted(STAMPS.rglob("*.png")))


DATA: dict[str, tuple[Callable[[], bool], Callable[[], Iterator[tuple[Path, str]]], str]] = {
    "solar-cells": (
        lambda: importlib.util.find_spec("elpv_dataset") is not None,
        solar_cells,
        "ELPV, 2,624 photographs of solar cells",
    ),
    "stamps": (STAMPS.is_dir, stamps, "Tux Paint stamps, 802 pictures in 18 folders"),
}


def lay_out(folder: Path, pictures: list[tuple[Path, str]], rng: np.random.Generator) -> dict[str, str]:
    """Copy pictures to train, val and test, 70, 15 and 15 %, a folder per class; name -> its part and class."""
    parts = rng.choice(["train", "val", "test"], len(pictures), p=[0.7, 0.15, 0.15]).tolist()
    places: dict[str, str] = {}
    for number, ((path, label), part) in enumerate(zip(pictures, parts, strict=True)):
        target = folder / part / label / f"{number:05d}{path.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        places[target.name] = f"{part}/{label}"
    return places


def plant(folder: Path, places: dict[str, str], rng: np.random.Generator) -> dict[str, str]:
    """Write a changed copy of each of COPIES training pictures into val or test; path of a copy -> of its original."""
    training = [name for name, place in places.items() if place.startswith("train/") and large(folder / place / name)]
    planted: dict[str, str] = {}
    for turn, name in enumerate(rng.choice(training, COPIES, replace=False).tolist()):
        part, label = rng.choice(["val", "test"]).item(), places[name].partition("/")[2]
        copy = planted_copy(decode(folder / places[name] / name), KINDS[turn % len(KINDS)], rng)
        target = folder / part / label / f"copy-{turn:03d}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(copy).save(target)
        planted[target.relative_to(folder).as_posix()] = f"{places[name]}/{name}"
    return planted


def large(path: Path) -> bool:
    """Whether a copy half as large, cropped by a tenth on each side, still has LEAST_SIDE."""
    with Image.open(path) as image:
        return min(image.size) >= LEAST_SIDE / 0.5 / 0.8


def check(folder: Path, out: Path) -> tuple[pl.DataFrame, pl.DataFrame, float]:
    """The pairs that `sfumato check` reports, its findings, and its seconds."""
    command = [sys.executable, "-m", "sfumato", "check", str(folder), "--out", str(out), "--quiet", "--json"]
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    seconds = time.perf_counter() - begin
    assert json.loads(done.stdout)
    pairs = pl.read_csv(out / "data" / "duplicates.csv")
    return pairs, pl.read_csv(out / "data" / "findings.csv"), seconds


def names(pairs: pl.DataFrame, folder: Path) -> set[frozenset[str]]:
    """Pairs of paths below the folder."""
    cut = [[name.removeprefix(f"{folder}/") for name in pairs[side].to_list()] for side in ("image", "other_image")]
    return {frozenset(pair) for pair in zip(*cut, strict=True)}


def measure(pictures: list[tuple[Path, str]], seed: int, folder: Path) -> Found:
    """Lay out, check, plant, check again."""
    rng = np.random.default_rng(seed)
    photos = folder / "photos"
    places = lay_out(photos, pictures, rng)
    before = names(check(photos, folder / "before")[0], photos)
    planted = plant(photos, places, rng)
    reported, findings, seconds = check(photos, folder / "after")
    pairs = names(reported, photos)
    ids = [*(f"{place}/{name}" for name, place in places.items()), *planted]
    own = pl.DataFrame([tuple(pair) for pair in before], schema=["a", "b"], orient="row")
    cluster = dict(zip(ids, clusters(own, ids), strict=True))
    for copy, original in planted.items():
        cluster[copy] = cluster[original]
    right = {pair for pair in pairs if len({cluster[name] for name in pair}) == 1}
    found = {copy for copy, original in planted.items() if frozenset((copy, original)) in pairs}
    leaks = findings.filter(pl.col("code") == "leak-duplicates")
    told = "\n".join(str(row) for row in leaks.rows())
    return Found(
        len(found), sum(copy in told for copy in found), len(pairs), len(pairs & before), len(pairs - right), seconds
    )


def main() -> None:
    asked = [name for name in sys.argv[1:] if not name.startswith("--")] or list(DATA)
    rows: dict[str, list[Found]] = {}
    for name in asked:
        installed, read, title = DATA[name]
        if not installed():
            print(f"{name} is not installed, and left out")
            continue
        pictures = list(read())
        for seed in SEEDS:
            with TemporaryDirectory() as folder:
                found = measure(pictures, seed, Path(folder))
            rows.setdefault(title, []).append(found)
            print(f"{name}, seed {seed}: {found}", flush=True)
    text = result(rows)
    print(text)
    if "--write" in sys.argv:
        target = Path(__file__).parent / "results" / f"planted-check_2-core-{platform.machine()}_{date.today()}.md"
        target.write_text(text, encoding="utf-8")
    for title, found in rows.items():
        share = sum(f.found for f in found) / (COPIES * len(found))
        wrong = sum(f.wrong for f in found) / sum(f.pairs for f in found)
        assert share >= LEAST_FOUND, f"{title}: {share:.3f} found"
        assert wrong <= MOST_WRONG, f"{title}: {wrong:.4f} wrong"


def result(rows: dict[str, list[Found]]) -> str:
    """The tables as Markdown."""
    env = environment()
    lines = [
        "# `sfumato check` on folders with planted copies",
        "",
        f"`python benchmarks/planted_check.py --write`, {date.today()}. {env['processor']}; Python {env['python']}.",
        f"{COPIES} training pictures, copied into val or test: JPEG of quality 30 to 90, resized 0.5 to 2 times,",
        "cropped by 2 to 10 % on each side, gain and offset off by 20 to 30 %, and combinations of these. Own pairs",
        "were reported without the copies too; what is wrong, and which pictures have no copies, is said at the",
        "script's head. Seconds: the whole command, the pictures known from the first check but for the copies.",
    ]
    for title, found in rows.items():
        lines += ["", f"## {title}", "", "| seed | planted | found | as leaks | pairs | own | wrong | seconds |"]
        lines.append("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for seed, f in zip(SEEDS, found, strict=True):
            figures = f"{f.found} | {f.leaks} | {f.pairs} | {f.own} | {f.wrong} | {f.seconds:.0f}"
            lines.append(f"| {seed} | {COPIES} | {figures} |")
        share, wrong = sum(f.found for f in found) / (COPIES * len(found)), sum(f.wrong for f in found)
        pairs = sum(f.pairs for f in found)
        lines += ["", f"{share:.1%} of the planted pairs found; {wrong} of the {pairs} pairs reported wrong."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
