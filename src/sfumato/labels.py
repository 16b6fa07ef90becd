"""The label space: the classes a model can name, in the order of its outputs."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

import yaml

from sfumato.errors import InputError, nearest_name


@dataclass(frozen=True)
class LabelSpace:
    """Names of the C classes; a class's index in `names` is its column in every (N, C) array of logits.

    Raises:
        InputError: A name is empty or stands twice.
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        doubled = [name for name, count in Counter(self.names).items() if count > 1]
        if doubled:
            raise InputError(f"class {doubled[0]!r} is named twice")
        if any(not name.strip() for name in self.names):
            raise InputError("a class has an empty name")

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Column of class `name`; an unknown name is an InputError with the nearest one."""
        try:
            return self.names.index(name)
        except ValueError:
            raise InputError(f"unknown class {name!r}", nearest=nearest_name(name, self.names)) from None

    def to_yaml(self) -> str:
        """The text of a labels.yaml, which `from_yaml` reads back."""
        document = {"labels": [{"name": name} for name in self.names]}
        return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str, where: str) -> "LabelSpace":
        """Read the text of a labels.yaml; `where` names it in errors."""
        try:
            document = cast(dict[str, list[dict[str, Any]]], yaml.safe_load(text))
            names = tuple(str(entry["name"]) for entry in document["labels"])
        except (yaml.YAMLError, KeyError, TypeError) as error:
            raise InputError("not a label file", where=where, expected="labels: [{name: ...}, ...]") from error
        return cls(names)
