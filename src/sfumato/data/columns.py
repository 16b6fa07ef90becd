"""Which column of a table holds what: named in the recipe, or found by its usual name, with the reason."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, cast

import polars as pl
from pydantic import Field

from sfumato.data.images import SUFFIXES
from sfumato.errors import InputError, nearest_name
from sfumato.spec import Spec

USUAL_NAMES: dict[str, tuple[str, ...]] = {
    "image": (
        "image",
        "path",
        "image_path",
        "img_path",
        "file",
        "filepath",
        "file_path",
        "filename",
        "file_name",
        "img",
    ),
    "label": ("label", "labels", "class", "category", "categories", "target", "class_name", "y"),
    "id": ("id", "image_id", "sample_id"),
    "group": ("group", "group_id", "patient", "patient_id"),
    "time": ("time", "timestamp", "datetime", "date"),
    "split": ("split", "part", "subset"),
    "fold": ("fold", "kfold"),
}
USUAL_TEXTS = ("title", "description", "text", "caption")
SEPARATORS = ("|", ";")
"""What may stand between the classes of one cell without being asked for; a comma must be asked for."""

MOST_SHOWN = 20
"""Columns of a table that an error names."""

One = Annotated[str, Field(min_length=1)]


class ColumnsSpec(Spec):
    """Which column of a table holds what. None = the first column that has one of the usual names."""

    image: One | None = None
    """Column of image paths, relative to the table's folder or absolute."""
    label: One | tuple[One, ...] | None = None
    """Column of class names; several = a question each, or, if they hold nothing but 0 and 1 (and `?` or nothing, where
    it is not known), a class each."""
    separator: str | None = None
    """What stands between the classes of one cell; none = `|` or `;` if classes recur that way; "" = nothing."""
    text: One | tuple[One, ...] | None = None
    """Columns of text, joined in this order; none = title and description, or text, or caption."""
    id: One | None = None
    """Column of sample ids; none = the image path is the id."""
    group: One | None = None
    """Column of groups (patient, product, module ...): a group is never split; none = every image is its own group."""
    time: One | None = None
    """Column of dates, times or numbers, by which `data.split.by: time` orders the samples."""
    split: One | None = None
    """Column of given parts (train, val, test); none = the recipe's fractions decide."""
    fold: One | None = None
    """Column of given folds, for `data.split.fold`."""


@dataclass(frozen=True)
class Roles:
    """The column of each role in one table."""

    image: str | None
    """None = pictures are found by id."""
    labels: tuple[str, ...]
    one_hot: bool
    """Whether each label column is a class of its own, 0 or 1."""
    texts: tuple[str, ...]
    single: dict[str, str]
    """Of the roles id, group, time, split and fold: role -> column, those that were found."""
    notes: tuple[str, ...] = field(default=(), compare=False)


def find_roles(frame: pl.DataFrame, spec: ColumnsSpec, path: Path, *, with_labels: bool = True) -> Roles:
    """Find the columns of a table.

    Args:
        frame: The rows as they were read.
        spec: What the recipe names.
        path: The table, for errors.
        with_labels: Whether a table without labels is an error.

    Raises:
        InputError: A named column is missing; no column looks like the label; no column holds images or ids.
    """
    notes: list[str] = []
    single = {role: name for role in USUAL_NAMES if role != "label" and (name := _one(frame, spec, role, path, notes))}
    image = single.pop("image", None)
    if image is None and "id" not in single:
        raise _nothing_like("image", frame, path)
    texts = _texts(frame, spec, path, notes)
    taken = {image, *texts, *single.values()}
    labels, one_hot = _labels(frame, spec, path, notes, taken) if with_labels else ((), False)
    rest = [name for name in frame.columns if name not in {*taken, *labels}]
    if rest:
        notes.append(f"data.columns: not used: {', '.join(rest[:10])}{' ...' if len(rest) > 10 else ''}")
    return Roles(image, labels, one_hot, texts, single, tuple(notes))


def require(frame: pl.DataFrame, name: str, setting: str, path: Path) -> str:
    """`name` itself if the table has that column.

    Raises:
        InputError: It has not.
    """
    if name not in frame.columns:
        raise InputError(
            f"{path.name} has no column {name!r}",
            setting=setting,
            expected=f"one of {', '.join(frame.columns)}",
            nearest=nearest_name(name, frame.columns),
        )
    return name


def _one(frame: pl.DataFrame, spec: ColumnsSpec, role: str, path: Path, notes: list[str]) -> str | None:
    named = cast(str | None, getattr(spec, role))
    if named is not None:
        return require(frame, named, f"data.columns.{role}", path)
    found = _usual(frame, USUAL_NAMES[role])
    if found is not None:
        notes.append(f"data.columns.{role}: {found!r}, a usual name for it")
    return found


def _usual(frame: pl.DataFrame, names: tuple[str, ...]) -> str | None:
    by_lower = {name.lower().strip(): name for name in reversed(frame.columns)}
    return next((by_lower[name] for name in names if name in by_lower), None)


def _texts(frame: pl.DataFrame, spec: ColumnsSpec, path: Path, notes: list[str]) -> tuple[str, ...]:
    if spec.text is not None:
        names = (spec.text,) if isinstance(spec.text, str) else spec.text
        return tuple(require(frame, name, "data.columns.text", path) for name in names)
    found = [name for usual in USUAL_TEXTS if (name := _usual(frame, (usual,)))]
    texts = found[:2] if [name.lower().strip() for name in found[:2]] == ["title", "description"] else found[:1]
    if texts:
        notes.append(f"data.columns.text: {' and '.join(map(repr, texts))}, usual for it")
    return tuple(texts)


def _labels(
    frame: pl.DataFrame, spec: ColumnsSpec, path: Path, notes: list[str], taken: set[str | None]
) -> tuple[tuple[str, ...], bool]:
    """The label columns, and whether each is a class of its own."""
    if spec.label is not None:
        names = (spec.label,) if isinstance(spec.label, str) else spec.label
        for name in names:
            require(frame, name, "data.columns.label", path)
        if len(set(names)) < len(names) or not names:
            raise InputError(
                f"names {', '.join(names) or 'nothing'}", setting="data.columns.label", expected="each column once"
            )
        return names, len(names) > 1 and _holds_bits(frame, names)
    found = _usual(frame, USUAL_NAMES["label"])
    if found is not None:
        notes.append(f"data.columns.label: {found!r}, a usual name for it")
        return (found,), False
    rest = tuple(name for name in frame.columns if name not in taken)
    if len(rest) > 1 and _holds_bits(frame, rest):
        notes.append(
            f"data.columns.label: {', '.join(rest[:5])}{' ...' if len(rest) > 5 else ''}: 0 and 1 only, so a class each"
        )
        return rest, True
    raise _nothing_like("label", frame, path)


def _holds_bits(frame: pl.DataFrame, names: tuple[str, ...]) -> bool:
    """Whether columns hold nothing but 0 and 1 wherever something is known: `?` and an empty cell say nothing."""
    for name in names:
        if frame[name].dtype != pl.String:
            return False
        said = frame[name].str.strip_chars().replace(["", "?"], None).drop_nulls()
        if not len(said) or not said.is_in(["0", "1", "0.0", "1.0", "false", "true", "False", "True"]).all():
            return False
    return True


def _nothing_like(role: str, frame: pl.DataFrame, path: Path) -> InputError:
    """No column has a usual name for a role; one that nearly has may be a typo of it."""
    usual, columns = USUAL_NAMES[role], frame.columns
    shown = ", ".join(columns[:MOST_SHOWN]) + (f" and {len(columns) - MOST_SHOWN} more" * (len(columns) > MOST_SHOWN))
    return InputError(
        f"no column looks like the {role}",
        where=str(path),
        expected=f"one of {', '.join(usual)}, or data.columns.{role} naming one of {shown}",
        nearest=next((near for name in usual if (near := nearest_name(name, columns))), None),
        mend="write a line of column names above the first" if any(map(_names_a_picture, columns)) else None,
    )


def _names_a_picture(text: str) -> bool:
    return Path(text).suffix.lower() in SUFFIXES
