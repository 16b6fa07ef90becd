"""Where the data is, and how it becomes one table."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from sfumato.data.sources.folder import read_folder
from sfumato.data.sources.tabular import READERS, ColumnsSpec, read_tabular
from sfumato.data.splits import SplitSpec
from sfumato.data.table import Table
from sfumato.errors import InputError, nearest_name
from sfumato.spec import Spec


class DataSpec(Spec):
    """The user's own pictures and their classes; nothing of it is changed, moved or copied."""

    source: Annotated[str, Field(min_length=1)]
    """A folder with one sub-folder a class, or a .csv, .tsv or .jsonl file; relative to the recipe's folder."""
    columns: ColumnsSpec = ColumnsSpec()
    """Which column holds what, for a .csv, .tsv or .jsonl file."""
    split: SplitSpec = SplitSpec()
    """Which samples train, which choose and which only measure."""


def read_table(spec: DataSpec) -> Table:
    """Read the source a recipe names (its path already absolute, or relative to the working folder).

    Raises:
        InputError: No such path, nothing usable in it, or a setting that has no effect on this kind of source.
    """
    path = Path(spec.source).expanduser()
    if path.is_dir():
        _refuse_table_settings(spec, path)
        return read_folder(path.absolute())
    if not path.exists():
        raise InputError(f"no such file or folder: {path}", setting="data.source", nearest=_neighbour(path))
    if path.suffix.lower() not in READERS:
        raise InputError(
            f"{path} is a file ending in {path.suffix or 'nothing'!r}",
            setting="data.source",
            expected=f"a folder with one sub-folder a class, or a file ending in {', '.join(READERS)}",
        )
    return read_tabular(path.absolute(), spec.columns, spec.split.stratify)


def _refuse_table_settings(spec: DataSpec, path: Path) -> None:
    for setting in spec.columns.changed:
        raise InputError(
            f"has no effect on a folder per class ({path})",
            setting=f"data.columns.{setting}",
            expected="a .csv, .tsv or .jsonl file as data.source",
        )
    if spec.split.stratify:
        raise InputError(
            f"has no effect on a folder per class ({path}), where classes are always spread evenly",
            setting="data.split.stratify",
            expected="a .csv, .tsv or .jsonl file as data.source",
        )


def _neighbour(path: Path) -> str | None:
    parent = path.parent
    names = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    name = nearest_name(path.name, names)
    return str(parent / name) if name else None
