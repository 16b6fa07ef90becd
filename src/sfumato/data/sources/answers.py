"""From label cells to tasks: one class a sample, several, or several questions; spelled as the label file says."""

from collections.abc import Callable, Iterable
from typing import cast

import polars as pl

from sfumato.data.columns import SEPARATORS, ColumnsSpec, Roles
from sfumato.data.sources.unsure import MARK, bare, marked, parted
from sfumato.data.table import Task
from sfumato.errors import InputError
from sfumato.labels import LabelSpace, look_alikes

TRUE = ("1", "1.0", "true", "True")
Place = Callable[[int], str]
"""Row of the table -> where it stands, for errors."""


def read_answers(
    frame: pl.DataFrame, roles: Roles, spec: ColumnsSpec, spaces: dict[str, LabelSpace], place: Place
) -> tuple[pl.DataFrame, tuple[Task, ...], list[str]]:
    """The label columns as the table wants them, the tasks they answer, and what was noticed.

    Args:
        frame: The rows as they were read.
        roles: Which columns hold labels.
        spec: What the recipe says of them.
        spaces: Label column -> its classes, where a label file names them.
        place: Where a row stands.

    Raises:
        InputError: A class the label file lacks, with file, line and the nearest name.
    """
    if roles.one_hot:
        cells = {"label": _from_bits(frame, roles.labels)}
        spaces = {"label": next(iter(spaces.values()), LabelSpace(roles.labels))}
    elif len(roles.labels) == 1:
        cells = {"label": frame[roles.labels[0]]}
        spaces = dict(zip(["label"], spaces.values(), strict=False))
    else:
        cells = {f"label.{name}": frame[name] for name in roles.labels}
        spaces = {f"label.{name}": space for name, space in spaces.items()}
    tasks: list[Task] = []
    columns: list[pl.Series] = []
    notes: list[str] = []
    for name, raw in cells.items():
        values, more = _separated(raw, spec)
        column, task, said = answers_in(name, values, spaces.get(name), place)
        columns.append(column)
        tasks.append(task)
        notes += [*more, *said]
        if task.many and len(cells) == 1:
            columns[0], unsure, doubts = parted(column, place)
            columns.append(unsure)
            notes += doubts
    return pl.DataFrame(columns), tuple(tasks), notes


def _from_bits(frame: pl.DataFrame, names: tuple[str, ...]) -> pl.Series:
    """Lists of the classes that hold, marked those that are not known; null where none is."""
    cells = {name: pl.col(name).str.strip_chars().fill_null("").replace("", MARK) for name in names}
    held = [
        pl.when(cell.is_in(TRUE)).then(pl.lit(name)).when(cell == MARK).then(pl.lit(MARK + name))
        for name, cell in cells.items()
    ]
    nothing = pl.all_horizontal(cell == MARK for cell in cells.values())
    return frame.select(pl.when(~nothing).then(pl.concat_list(held).list.drop_nulls()).alias("label")).to_series()


def _separated(cells: pl.Series, spec: ColumnsSpec) -> tuple[pl.Series, list[str]]:
    """Cells of several classes as lists; an empty cell stays unknown."""
    if isinstance(cells.dtype, pl.List):
        if spec.separator is not None:
            raise InputError("has no effect on cells that are lists", setting="data.columns.separator")
        return cells, []
    cells = cells.str.strip_chars().replace("", None)
    separator = spec.separator
    notes: list[str] = []
    if separator is None:
        separator = next((one for one in SEPARATORS if _recurs(cells, one)), "")
        notes = (
            [f"data.columns.separator: {separator!r}, since classes recur in many combinations"] if separator else []
        )
    elif separator and not cells.str.contains(separator, literal=True).any():
        raise InputError(f"{separator!r} stands in no cell", setting="data.columns.separator")
    return (cells.str.split(separator) if separator else cells), notes


def _recurs(cells: pl.Series, separator: str) -> bool:
    """Whether pieces between separators say less than whole cells do: classes recur in different combinations."""
    whole = cells.drop_nulls().unique()
    if not whole.str.contains(separator, literal=True).any():
        return False
    pieces = whole.str.split(separator).explode().str.strip_chars().str.strip_prefix(MARK).unique()
    return len(pieces) < len(whole)


def answers_in(
    name: str, values: pl.Series, space: LabelSpace | None, place: Place
) -> tuple[pl.Series, Task, list[str]]:
    """A label column (String, or List(String) for several classes a sample), its task, and what was noticed.

    Raises:
        InputError: A class that `space` lacks.
    """
    many = isinstance(values.dtype, pl.List)
    if many:
        element = pl.element().str.strip_chars().str.replace(r"^\?\s+", MARK)
        values = values.list.eval(element.filter(element != ""))
    texts = cast(list[str], (values.explode() if many else values).drop_nulls().unique().to_list())
    said = sorted({bare(text) for text in texts} if many else texts)
    notes: list[str] = []
    if space is None:
        notes = [f"data.source: classes {' and '.join(map(repr, group))} look alike" for group in look_alikes(said)]
        space = LabelSpace(tuple(said)) if said else LabelSpace(("?",))
    else:
        meant = {text: space.find(text) for text in said}
        _refuse_unknown(meant, space, values, many, place)
        notes = _respelled(meant)
        values = _replaced(values, {text: _as_said(text, meant, many=many) for text in texts}) if meant else values
    if many:
        values, more = _once(values)
        notes = [*notes, *more]
    return values.alias(name), Task(name, space, many), notes


def _as_said(text: str, meant: dict[str, str | None], *, many: bool) -> str | None:
    """What an entry is replaced by: its class as the label file spells it, marked if it was."""
    return f"{MARK}{meant[bare(text)]}" if many and marked(text) else meant[text]


def _once(values: pl.Series) -> tuple[pl.Series, list[str]]:
    """Lists that name each class once, and how many did not."""
    once = values.list.unique(maintain_order=True)
    doubled = int((values.list.len() > once.list.len()).sum())
    cells = "1 cell names" if doubled == 1 else f"{doubled} cells name"
    return once, [f"data.source: {cells} a class twice, which counts once"] if doubled else []


def _replaced(values: pl.Series, meant: dict[str, str | None]) -> pl.Series:
    if isinstance(values.dtype, pl.List):
        return values.list.eval(pl.element().replace_strict(meant, return_dtype=pl.String))
    return values.replace_strict(meant, return_dtype=pl.String)


def _refuse_unknown(
    meant: dict[str, str | None], space: LabelSpace, values: pl.Series, many: bool, place: Place
) -> None:
    unknown = next((text for text, label in meant.items() if label is None), None)
    if unknown is None:
        return
    there = values.list.contains(unknown) | values.list.contains(MARK + unknown) if many else values == unknown
    row = cast(int, there.fill_null(value=False).arg_max())
    raise InputError(
        f"class {unknown!r} is not in the label file",
        where=place(row),
        expected=_some(space.names),
        nearest=space.nearest(unknown),
    )


def _respelled(meant: dict[str, str | None]) -> list[str]:
    other = {text: label for text, label in meant.items() if text != label}
    if not other:
        return []
    shown = ", ".join(f"{text!r} as {label!r}" for text, label in list(other.items())[:5])
    return [f"data.labels: read {shown}{f' and {len(other) - 5} more' if len(other) > 5 else ''}"]


def _some(names: Iterable[str], most: int = 12) -> str:
    listed = list(names)
    return f"one of {', '.join(listed[:most])}{f' and {len(listed) - most} more' if len(listed) > most else ''}"
