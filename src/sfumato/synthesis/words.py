"""What titles may say of a sample: the names of its classes, and those of classes that it is not of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl

from sfumato.labels import Label, LabelSpace, label_sections

SEVERAL_AT_ONCE = 3
"""Names that one title holds at most."""


@dataclass(frozen=True)
class Naming:
    """A column whose cells are classes that titles can name."""

    column: str
    labels: LabelSpace
    several: bool
    """Whether a cell holds any number of them."""

    def of(self, cell: object) -> list[Label]:
        """The classes of a cell."""
        names = [] if cell is None else cast(list[str], cell) if isinstance(cell, list) else [str(cell)]
        ids = [found for name in names if (found := self.labels.find(name)) is not None]
        return [self.labels.labels[self.labels.index(one)] for one in ids]


@dataclass(frozen=True)
class Said:
    """The words of a title."""

    label: tuple[str, ...]
    """Ids of the classes it names."""
    name: str
    """What stands for `{}`."""
    several: bool


def namings(rows: pl.DataFrame, file: Path | None, own: Mapping[str, LabelSpace]) -> list[Naming]:
    """The columns that titles can be made of.

    Args:
        rows: Of the source, as they were read.
        file: A label file: each of its sections names the column all of whose cells are its classes.
        own: Label column of the recipe -> its classes, where there is no file.

    Raises:
        InputError: A mistake in the label file.
    """
    spaces = [space for _, space in label_sections(file)] if file is not None else list(own.values())
    found: list[Naming] = []
    for column in rows.columns:
        several = isinstance(rows[column].dtype, pl.List)
        cells = (rows[column].explode() if several else rows[column]).drop_nulls().cast(pl.String)
        values = [text for text in cast(list[str], cells.unique().to_list()) if text.strip()]
        space = next((one for one in spaces if values and all(one.find(text) for text in values)), None)
        if space is not None and column not in {one.column for one in found}:
            found.append(Naming(column, space, several))
    return found


def agreeing(
    row: Mapping[str, object], named: Sequence[Naming], language: str, rng: np.random.Generator
) -> Said | None:
    """Words that are true of a row, from one of its columns; None where it has no name in that language."""
    said = [(naming, naming.of(row[naming.column])) for naming in named]
    return _any(said, language, rng)


def contradicting(
    row: Mapping[str, object], named: Sequence[Naming], language: str, rng: np.random.Generator
) -> Said | None:
    """Words that are wrong of a row: classes of which it has none."""
    others: list[tuple[Naming, list[Label]]] = []
    for naming in named:
        own = {label.id for label in naming.of(row[naming.column])}
        others.append((naming, [label for label in naming.labels.labels if label.id not in own]))
    return _any(others, language, rng)


def spoken(label: Label, language: str) -> str | None:
    """The name of a class in a language; where it has none at all, its id is one of both."""
    if label.zh is None and label.en is None:
        return label.id
    return label.zh if language == "zh" else label.en


def _any(said: list[tuple[Naming, list[Label]]], language: str, rng: np.random.Generator) -> Said | None:
    can = [(naming, [one for one in labels if spoken(one, language)]) for naming, labels in said]
    can = [(naming, labels) for naming, labels in can if labels]
    if not can:
        return None
    naming, labels = can[int(rng.integers(len(can)))]
    count = int(rng.integers(1, min(SEVERAL_AT_ONCE, len(labels)) + 1)) if naming.several else 1
    chosen = [labels[int(place)] for place in rng.permutation(len(labels))[:count]]
    names = [cast(str, spoken(label, language)) for label in chosen]
    between = "、" if language == "zh" else ", "
    return Said(tuple(label.id for label in chosen), between.join(names), naming.several)
