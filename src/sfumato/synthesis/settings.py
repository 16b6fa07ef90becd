"""Reading the settings of a synthesis, every mistake with its place."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from sfumato.document import Document, read_document
from sfumato.recipe.explain import explain
from sfumato.recipe.load import overridden
from sfumato.synthesis.spec import SynthesisSpec

PATHS = ("labels", "logos.folder", "titles.fonts_zh", "titles.fonts_en")
"""Settings that name files or folders, relative to the file they stand in."""


@dataclass(frozen=True)
class Settings:
    """Settings, and where each stands."""

    spec: SynthesisSpec
    document: Document

    def located(self) -> AbstractContextManager[None]:
        """As `Document.located`."""
        return self.document.located()


def read_settings(path: str | Path | None, overrides: Mapping[str, Any]) -> Settings:
    """The settings of a file with changes, paths in them made absolute.

    Args:
        path: A YAML file; None = the defaults.
        overrides: Path -> value; relative paths in them belong to the working folder.

    Raises:
        InputError: No such file, an unknown setting, or a value that can't be; with file and line.
    """
    example = "settings such as titles: {agreeing: 0.4}"
    document = Document({}) if path is None else read_document(Path(path), kind="file of settings", example=example)
    overridden(document, overrides)
    for setting in PATHS:
        _make_absolute(document, setting)
    try:
        return Settings(SynthesisSpec.model_validate_json(json.dumps(document.settings, default=str)), document)
    except ValidationError as error:
        raise explain(error, document, _schema()) from None


def _make_absolute(document: Document, setting: str) -> None:
    *parents, last = setting.split(".")
    here: Any = document.settings
    for step in parents:
        here = cast(dict[str, Any], here).get(step) if isinstance(here, dict) else None
    value = cast(dict[str, Any], here).get(last) if isinstance(here, dict) else None
    if isinstance(value, str):
        here[last] = _absolute(document, setting, value)
    elif isinstance(value, list):
        texts = enumerate(cast(list[Any], value))
        here[last] = [_absolute(document, f"{setting}[{i}]", one) if isinstance(one, str) else one for i, one in texts]


def _absolute(document: Document, setting: str, text: str) -> str:
    """A path below the folder of the file that named it."""
    while setting not in document.folders and setting:
        setting = setting[: max(setting.rfind("."), setting.rfind("["), 0)]
    return str(document.folders.get(setting, Path.cwd()) / Path(text).expanduser())


@cache
def _schema() -> dict[str, Any]:
    return SynthesisSpec.model_json_schema()
