"""YAML files read without surprises (recipes, labels), every setting remembered with the line it stands in."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from sfumato.errors import InputError, nearest_name
from sfumato.yaml_text import read_mapping

RECIPE = "settings such as data: {source: PATH}"


@dataclass
class Document:
    """A tree of settings, and where each stands."""

    settings: dict[str, Any]
    places: dict[str, str] = field(default_factory=dict[str, str])
    """Recipe path, such as `timeline[1].at` -> `file:line`."""
    folders: dict[str, Path] = field(default_factory=dict[str, Path])
    """Recipe path of a leaf -> folder of the file it was written in."""
    name: str | None = None
    """The file; None where there is none."""

    def place(self, path: str) -> str | None:
        """Where a setting stands, or the nearest one that contains it."""
        while path and path not in self.places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.places.get(path, self.name)

    @contextmanager
    def located(self) -> Generator[None]:
        """Within the context an InputError about a setting gets the file and line the setting stands in."""
        try:
            yield
        except InputError as error:
            place = self.place(error.setting) if error.setting else None
            if place is None:
                raise
            raise error.at(place) from error.__cause__


def read_document(path: Path, *, kind: str = "recipe", example: str = RECIPE) -> Document:
    """Read a YAML file of settings; `kind` and `example` say in errors what it should be and hold.

    Raises:
        InputError: No such file, not YAML, a key twice, or no mapping at its top.
    """
    if not is_file(path):
        near = nearest_name(path.name, [other.name for other in path.parent.glob("*.yaml")])
        raise InputError(f"no such {kind}", where=str(path), expected="a YAML file", nearest=near)
    try:
        return parse_document(path.read_text(encoding="utf-8-sig"), str(path), path.parent.absolute(), example)
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 text (byte {error.start})", where=str(path), mend="save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", where=str(path)) from None


def parse_document(text: str, name: str, folder: Path, example: str = RECIPE) -> Document:
    """Parse YAML text; `name` stands for the file in errors, relative paths belong to `folder`."""
    settings, lines = read_mapping(text, name, example)
    places = {path: f"{name}:{line}" for path, line in lines.items()}
    return Document(settings, places, dict.fromkeys(lines, folder), name)


def overlay(base: Document, top: Document) -> Document:
    """`top` laid over `base`: mappings are merged, everything else is replaced."""
    settings = _merge(base.settings, top.settings)
    return Document(settings, {**base.places, **top.places}, {**base.folders, **top.folders}, top.name)


def _merge(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    if base.get("kind") != top.get("kind", base.get("kind")):
        return dict(top)  # another kind of component has other settings
    merged = dict(base)
    for key, value in top.items():
        former = merged.get(key)
        both = isinstance(value, dict) and isinstance(former, dict) and key != "weights"
        merged[key] = _merge(cast(dict[str, Any], former), cast(dict[str, Any], value)) if both else value
    return merged


def is_file(path: Path) -> bool:
    """Whether a path is one of a file, whatever its length and characters."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name longer than any file's
        return False
