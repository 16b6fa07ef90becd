"""Recipes that come with Sfumato: YAML files beside this one, each with its story in the comments at its head."""

from itertools import takewhile
from pathlib import Path

from sfumato.errors import InputError, nearest_name

FOLDER = Path(__file__).with_name("presets")

SEED_DATA = {
    "crop-disease": (36_258, 61, 100.0),
    "fashion-44": (44_440, 44, 12_341.0),
    "product": (33_633, 21, 10.0),
    "weather-products": (10_000, 80, 10.0),
}
"""First words of a preset's name -> images, classes, and images of the largest class for one of the rarest, of the data
its seed was written for; the imbalance of crop-disease and of product is assumed, since it is not published, and so is
all of weather-products."""


def seed_data(name: str) -> tuple[int, int, float] | None:
    """The data a preset's seed was written for; None where the name is no preset's."""
    found = [data for words, data in SEED_DATA.items() if name.startswith(words)]
    return found[0] if found and name in preset_names() else None


def preset_names() -> list[str]:
    """Every preset, in order of the alphabet."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def find_preset(name: str) -> Path | None:
    """The file of a preset; None where none has the name."""
    return FOLDER / f"{name}.yaml" if name in preset_names() else None


def preset_file(name: str) -> Path:
    """The file of a preset.

    Raises:
        InputError: None has the name.
    """
    path = find_preset(name)
    if path is None:
        names = preset_names()
        near = nearest_name(name, names)
        raise InputError(
            f"no such preset: {name}", expected=None if near else f"one of {', '.join(names)}", nearest=near
        )
    return path


def preset_story(name: str) -> list[str]:
    """What a preset is, where it comes from and how it differs from that: the comments at its head, without their #."""
    lines = preset_file(name).read_text(encoding="utf-8").splitlines()
    return [line[1:].removeprefix(" ") for line in takewhile(lambda line: line.startswith("#"), lines)]
