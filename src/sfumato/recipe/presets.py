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
    "weather-gate": (10_000, 2, 3.0),
    "multilabel": (122_218, 80, 1.0),
    "medical": (2_000, 3, 4.0),
    "weather": (10_000, 20, 20.0),
}
"""First words of a preset's name -> images, classes, and images of the largest class for one of the rarest, of the data
its seed was written for. What is not published is assumed: the imbalance of crop-disease and of product, and all of
the weather presets' and of medical-clip's; multilabel, which has no seed, is planned for as many images and
classes as MS-COCO 2014 has."""


def seed_data(name: str) -> tuple[int, int, float] | None:
    """The data a preset's seed was written for; None where the name is no preset's."""
    found = [data for words, data in SEED_DATA.items() if name.startswith(words)]
    return found[0] if found and name in preset_names() else None


def preset_names() -> list[str]:
    """Every preset, in order of the alphabet."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def recipe_names() -> list[str]:
    """The presets that are one recipe each; the others hold `experts`."""
    texts = {name: (FOLDER / f"{name}.yaml").read_text(encoding="utf-8") for name in preset_names()}
    return [name for name, text in texts.items() if "\nexperts:" not in text]


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
