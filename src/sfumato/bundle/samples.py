"""Golden samples: pictures made by the program (never the user's), and the logits a bundle must give them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sfumato.data.images import BadImageError, decode
from sfumato.errors import InputError
from sfumato.json_file import read_json, write_json
from sfumato.stored import read_stored, stored

SHAPES = ((96, 128), (160, 120), (224, 224), (61, 47))
"""Height and width of each: wide, high, square, and odd, so that every branch of the preprocessing is walked."""


@stored
@dataclass(frozen=True)
class _Expected:
    """What expected.json holds."""

    logits: dict[str, tuple[float, ...]]
    """Name of a sample -> (C,)."""


@stored
@dataclass(frozen=True)
class _Texts:
    """What texts.json holds."""

    texts: dict[str, str]
    """Name of a sample -> its text."""


@dataclass(frozen=True)
class Sample:
    """One picture, or picture and text, and what it must give."""

    name: str
    pixels: NDArray[np.uint8]
    """(H, W, 3)."""
    logits: tuple[float, ...]
    """(C,) before calibration."""
    text: str = ""
    """Beside the picture; "" = none."""


TEXTS = (
    "A red cotton shirt, size L, with two pockets.",
    "红色纯棉衬衫，大号，两个口袋",
    "",
    "ＦＵＬＬ－ＷＩＤＴＨ 😀 naïve " + "word " * 400,
)
"""Beside the pictures where texts are read: of several scripts, none at all, and longer than most windows."""


def make_pictures(seed: int = 0) -> list[NDArray[np.uint8]]:
    """Coloured gradients with discs and stripes on them: all brightnesses, hard and soft edges, no noise."""
    rng = np.random.default_rng(seed)
    return [_picture(rng, height, width) for height, width in SHAPES]


def write_samples(folder: Path, samples: tuple[Sample, ...]) -> None:
    """Write PNG pictures and expected.json."""
    folder.mkdir()
    for sample in samples:
        Image.fromarray(sample.pixels).save(folder / f"{sample.name}.png")
    write_json(folder / "expected.json", {sample.name: list(sample.logits) for sample in samples})
    if any(sample.text for sample in samples):
        write_json(folder / "texts.json", {sample.name: sample.text for sample in samples})


def read_samples(folder: Path) -> tuple[Sample, ...]:
    """Read what `write_samples` wrote.

    Raises:
        InputError: Files are missing or damaged, or there is no sample at all.
    """
    path = folder / "expected.json"
    expected = read_stored(_Expected, {"logits": read_json(path)}, "what samples must give", str(path)).logits
    if not expected:
        raise InputError("no golden sample", where=str(path))
    there = folder / "texts.json"
    texts = read_stored(_Texts, {"texts": read_json(there)}, "texts", str(there)).texts if there.is_file() else {}
    return tuple(_read_sample(folder, name, logits, texts.get(name, "")) for name, logits in expected.items())


def _read_sample(folder: Path, name: str, logits: tuple[float, ...], text: str) -> Sample:
    if Path(name).name != name:
        raise InputError(f"damaged: {name[:60]!r} is no name of a sample", where=str(folder / "expected.json"))
    try:
        return Sample(name, decode(folder / f"{name}.png"), logits, text)
    except BadImageError as error:
        raise InputError(f"damaged: sample {name[:60]!r}: {error}", where=str(folder)) from None


def _picture(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    y: NDArray[np.float64] = np.linspace(0, 1, height)[:, None]
    x: NDArray[np.float64] = np.linspace(0, 1, width)[None, :]
    colours: NDArray[np.float64] = rng.uniform(0, 255, (4, 3))
    ground = colours[0] * (1 - x)[:, :, None] + colours[1] * (x * y)[:, :, None]
    centre, radius = rng.uniform(0.25, 0.75, 2), rng.uniform(0.1, 0.3)
    disc = ((y - centre[0]) ** 2 + (x - centre[1]) ** 2) < radius**2
    stripes = np.sin(2 * np.pi * rng.uniform(3, 12) * (x + y)) > 0.8
    ground[stripes] = colours[3]
    ground[disc] = colours[2]
    return np.clip(np.rint(ground), 0, 255).astype(np.uint8)
