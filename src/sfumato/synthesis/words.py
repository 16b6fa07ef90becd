"""What titles may say of a sample: the names of its classes, and those of classes that it is not of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl

from sfumato.data.columns import SEPARATORS
from sfumato.data.table import Table, Task
from sfumato.labels import Label, LabelSpace, label_sections

SEVERAL_AT_ONCE = 3
"""Names that one title holds at most."""


@dataclass(frozen=True)
class Naming:
    """Classes that titles can name, and which samples are of which."""

    column: str
    labels: LabelSpace
    several: bool
    """Whether a sample may be of any number of them."""
    held: Mapping[str, frozenset[str]]
    """Sample -> ids of the classes it is of."""
    doubtful: Mapping[str, frozenset[str]]
    """Sample -> ids of those that are not known to hold, which no title says anything of; most samples have none."""

    def of(self, id_: str, *, right: bool) -> list[Label]:
        """The classes that a sample is of, or else those it is known not to be of."""
        held, doubtful = self.held.get(id_, frozenset()), self.doubtful.get(id_, frozenset())
        wanted = [label for label in self.labels.labels if (label.id in held) is right]
        return [label for label in wanted if label.id not in doubtful]


@dataclass(frozen=True)
class Said:
    """The words of a title."""

    label: tuple[str, ...]
    """Ids of the classes it names."""
    name: str
    """What stands for `{}`."""
    several: bool


def namings(table: Table, rows: pl.DataFrame, id_: str, file: Path | None) -> list[Naming]:
    """What titles can be made of: the classes that the recipe asks about, and other columns that hold classes.

    Args:
        table: The samples.
        rows: Of their source, as they were read.
        id_: The column of ids in it.
        file: A label file: any column all of whose cells are classes of one of its sections can be named.

    Raises:
        InputError: A mistake in the label file.
    """
    spaces = [space for _, space in label_sections(file)] if file is not None else []
    found = [_of_task(table, task, spaces) for task in table.tasks if _is_named(task, spaces, file)]
    own = {name.column for name in found} | {task.name for task in table.tasks}
    for column in rows.columns:
        ids = cast(list[str], rows[id_].to_list())
        cells = {name: _pieces(cell) for name, cell in zip(ids, rows[column].to_list(), strict=True)}
        said = {text for pieces in cells.values() for text in pieces}
        space = next((one for one in spaces if said and all(one.find(text) for text in said)), None)
        if space is not None and column not in own and column != id_:
            several = any(len(pieces) > 1 for pieces in cells.values())
            held = {name: _ids(pieces, space) for name, pieces in cells.items()}
            found.append(Naming(column, space, several, held, {}))
    return found


def _is_named(task: Task, spaces: Sequence[LabelSpace], file: Path | None) -> bool:
    """Whether the classes of a task have names: with a label file, those that one of its lists has."""
    return file is None or any(all(one.find(name) for name in task.labels.names) for one in spaces)


def _of_task(table: Table, task: Task, spaces: Sequence[LabelSpace]) -> Naming:
    named = next((one for one in spaces if all(one.find(name) for name in task.labels.names)), task.labels)
    sure = zip(table.ids, table.rows[task.column].to_list(), strict=True)
    held = {id_: _ids(_pieces(cell, whole=True), named) for id_, cell in sure}
    unsure = zip(table.ids, table.rows["unsure"].to_list(), strict=True) if task.many else ()
    doubtful = {id_: _ids(_pieces(cell, whole=True), named) for id_, cell in unsure if cell}
    return Naming(task.name, named, task.many, held, doubtful)


def _pieces(cell: object, *, whole: bool = False) -> list[str]:
    """The classes that a cell of a table names; `whole`: a text is one, whatever stands in it."""
    if isinstance(cell, list):
        return [str(one) for one in cast(list[object], cell)]
    text = "" if cell is None else str(cell).strip()
    between = next((one for one in SEPARATORS if one in text), None)
    return [piece.strip() for piece in (text.split(between) if between and not whole else [text]) if piece.strip()]


def _ids(pieces: Sequence[str], space: LabelSpace) -> frozenset[str]:
    return frozenset(found for text in pieces if (found := space.find(text)) is not None)


def words(id_: str, named: Sequence[Naming], language: str, rng: np.random.Generator, *, right: bool) -> Said | None:
    """Words that are true of a sample, or else wrong of it; None where there are none in that language."""
    known = [one for one in named if one.held.get(id_)] or named  # of what is not known nothing is wrong
    can = [(one, [label for label in one.of(id_, right=right) if spoken(label, language)]) for one in known]
    can = [(one, labels) for one, labels in can if labels]
    if not can:
        return None
    naming, labels = can[int(rng.integers(len(can)))]
    count = int(rng.integers(1, min(SEVERAL_AT_ONCE, len(labels)) + 1)) if naming.several else 1
    chosen = [labels[int(place)] for place in rng.permutation(len(labels))[:count]]
    names = [cast(str, spoken(label, language)) for label in chosen]
    between = "、" if language == "zh" else ", "
    return Said(tuple(label.id for label in chosen), between.join(names), naming.several)


def spoken(label: Label, language: str) -> str | None:
    """The name of a class in a language; where it has none at all, its id is one of both."""
    if label.zh is None and label.en is None:
        return label.id
    return label.zh if language == "zh" else label.en
