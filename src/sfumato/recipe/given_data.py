"""Data that is named without a recipe, and the settings of it that a person may give beside it."""

from collections.abc import Mapping
from typing import Any

from sfumato.errors import InputError
from sfumato.recipe.load import Loaded, load_recipe

_LOOKER: dict[str, Any] = {"backbone": "none"}
"""Stands for the model, which a recipe must name and data has not."""
_READER: dict[str, Any] = {"kind": "image_text", "image": _LOOKER, "text": {"kind": "ngrams"}}
"""The same where a column of texts is named, which no other would read."""


def load_given_data(source: str, settings: Mapping[str, Any], *, texts: bool = False) -> Loaded:
    """A recipe of which only the data means anything, so that its settings are checked as those of a recipe are.

    Args:
        source: As `data.source`.
        settings: Recipe path -> value, all of them below `data`.
        texts: Whether something may read texts of it, so that a column of them can be named.

    Raises:
        InputError: A setting of something else, or a mistake in one.
    """
    for path in settings:
        if not path.startswith("data.") or path == "data.source":
            raise InputError(
                "is no setting of how data is read",
                setting=path,
                expected="one such as data.columns.label, data.images or data.labels.file",
            )
    named = texts and settings.get("data.columns.text") is not None
    return load_recipe({"data": {"source": source}, "model": _READER if named else _LOOKER}, settings)
