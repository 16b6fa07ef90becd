"""The form of a submission, read from the sample file of a competition."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sfumato.data.sources.delimited import line_of_row, read_delimited, separator_of
from sfumato.errors import InputError, nearest_name


@dataclass(frozen=True)
class Form:
    """What a sample file asks for."""

    path: Path
    separator: str
    columns: dict[str, tuple[str, ...]]
    """Every column in the file's order, with its cells; an empty one is an empty text."""
    id_column: str

    @property
    def ids(self) -> tuple[str, ...]:
        """Of the pictures, in the order of the rows."""
        return self.columns[self.id_column]

    @property
    def answers(self) -> list[str]:
        """Names of the columns to fill in."""
        return [name for name in self.columns if name != self.id_column]

    def place(self, row: int) -> str:
        """File and line of a row, from 0."""
        line = line_of_row(self.path, row)
        return str(self.path) if line is None else f"{self.path}:{line}"


def read_form(path: Path, id_column: str | None = None) -> Form:
    """Read a sample file.

    Args:
        path: A CSV, whatever separates its cells.
        id_column: The column that names the pictures; None = the first.

    Raises:
        InputError: Unreadable, no such column, no column to fill in, an id that is empty or stands twice.
    """
    if path.suffix.lower() != ".csv":
        raise InputError("no sample of a submission", where=str(path), expected="a .csv")
    if not path.is_file():
        raise InputError("no such file", where=str(path))
    frame = read_delimited(path)
    columns = {name: tuple(cast(list[str], frame[name].fill_null("").to_list())) for name in frame.columns}
    named = id_column or frame.columns[0]
    if named not in columns:
        near = nearest_name(named, columns)
        raise InputError(f"no column {named!r}", where=str(path), expected=f"one of {some(columns)}", nearest=near)
    form = Form(path, separator_of(path), columns, named)
    if not form.answers:
        raise InputError("no column to fill in", where=str(path), expected=f"columns beside {named!r}")
    _check_ids(form)
    return form


def some(names: Iterable[str]) -> str:
    """The first few names."""
    listed = list(names)
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")


def _check_ids(form: Form) -> None:
    first: dict[str, int] = {}
    for row, name in enumerate(form.ids):
        if not name:
            raise InputError(f"no id in column {form.id_column!r}", where=form.place(row))
        if first.setdefault(name, row) != row:
            what = f"id {name!r} stands here for the second time"
            raise InputError(what, where=form.place(row), expected="every id once")
