"""Texts of the classes of a person's own data, to begin from: a sentence for each, or what a person answers."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sfumato.bundle.ensemble import read_any
from sfumato.data.source import read_table
from sfumato.errors import InputError
from sfumato.models.class_texts import NameOf, TemplateTextsSpec, checked, texts_of
from sfumato.predict.new_texts import stored_texts
from sfumato.recipe.given_data import load_given_data
from sfumato.sealed import MANIFEST

Ask = Callable[[str, str], str]
"""(class, text proposed) -> text."""
SEPARATOR = "|"
"""Between several texts in an answer."""


def starting_texts(
    source: str,
    templates: Sequence[str] = ("{}",),
    name: NameOf = "id",
    settings: Mapping[str, Any] | None = None,
    ask: Ask | None = None,
) -> dict[str, tuple[str, ...]]:
    """Class -> its texts; of a bundle those it was trained with.

    Args:
        source: A folder or a table, as `data.source` takes it, or a bundle or a run's folder.
        templates: Sentences with `{}` or `{class_name}` where the name of the class comes.
        name: Which name of a class stands there.
        settings: Recipe path -> value, for what is not found by itself, such as {"data.columns.label": "diagnosis"}.
        ask: Asked for each class; several texts in an answer are separated by `|`. None = nobody is.

    Raises:
        InputError: No such data, several label columns, texts that are empty or that two classes share.
    """
    if is_bundle(Path(source)):
        return stored_texts(read_any(Path(source)), source)
    loaded = load_given_data(source, settings or {})
    with loaded.located():
        labels = read_table(loaded.recipe.data).layout.labels
    found = texts_of(TemplateTextsSpec(templates=tuple(templates), name=name), labels)
    if ask is None:
        return found
    answers = {one: ask(one, f" {SEPARATOR} ".join(some)) for one, some in found.items()}
    return checked({one: answer.split(SEPARATOR) for one, answer in answers.items()}, "what was answered")


def is_bundle(path: Path) -> bool:
    """Whether a folder is a bundle, or that of a run which has one."""
    return (path / MANIFEST).is_file() or (path / "bundle" / MANIFEST).is_file()


def check_name(name: str) -> NameOf:
    """One of the names a class may have.

    Raises:
        InputError: It is none.
    """
    if name not in ("id", "zh", "en"):
        raise InputError(f"--name {name}", expected="id, zh or en")
    return name
