"""Where the data is, and how it becomes one table."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from sfumato.data.columns import ColumnsSpec
from sfumato.data.elements import ElementsSpec
from sfumato.data.sources.dealt import with_dealt
from sfumato.data.sources.files import READERS
from sfumato.data.sources.folder import read_folder
from sfumato.data.sources.hub import is_hub_folder, read_hub_folder
from sfumato.data.sources.tabular import LabelsSpec, read_tabular
from sfumato.data.sources.unreadable import refuse_what_cannot_be_read
from sfumato.data.splits.spec import SplitSpec
from sfumato.data.table import Table
from sfumato.errors import InputError
from sfumato.labels import read_labels
from sfumato.spec import Spec


class DataSpec(Spec):
    """The user's own pictures and their classes; nothing of it is changed, moved or copied."""

    source: Annotated[str, Field(min_length=1)] | None = None
    """A folder with one sub-folder a class, a .csv, .tsv, .jsonl or .parquet file, or a Hugging Face data set folder;
    relative to the recipe's folder. None = not yet: such a recipe can be planned, and nothing else."""
    columns: ColumnsSpec = ColumnsSpec()
    """Which column of a table holds what."""
    images: Annotated[str, Field(min_length=1)] | None = None
    """Folder of pictures named after their sample, `<id>.jpg` or `<id>_*.jpg`, for a table without image column; none =
    the table's own folder."""
    labels: LabelsSpec | None = None
    """A file that names the classes; none = the classes the data holds."""
    elements: ElementsSpec | None = None
    """Element words that are put before the samples' texts; none = texts stay what they are."""
    dealt: Annotated[str, Field(min_length=1)] | None = None
    """A table of id and fold, part or both that were dealt elsewhere, such as another run's `data/splits.csv`; samples
    that are not in it are unused. None = the data and `split` decide."""
    split: SplitSpec = SplitSpec()
    """Which samples train, which choose and which only measure."""

    @property
    def given(self) -> str:
        """The source.

        Raises:
            InputError: None is given.
        """
        if self.source is None:
            raise InputError("no data is named", setting="data.source", mend="add --set data.source=PATH")
        return self.source


def data_at(source: str) -> DataSpec:
    """What a source alone says, with nothing named beside it.

    Raises:
        InputError: No name at all.
    """
    if not source.strip():
        raise InputError("no name", setting="data.source", expected="a folder or a table")
    return DataSpec(source=source)


def read_table(spec: DataSpec) -> Table:
    """Read the source a recipe names (its path already absolute, or relative to the working folder).

    Raises:
        InputError: No path, no such one, nothing usable there, or a setting without effect on this kind of source.
    """
    table = _read_source(spec)
    return table if spec.dealt is None else with_dealt(table, Path(spec.dealt))


def _read_source(spec: DataSpec) -> Table:
    path = Path(spec.given).expanduser().absolute()
    refuse_what_cannot_be_read(spec.given, path)
    stratify = spec.split.stratify
    if path.is_file():
        return read_tabular(path, spec.columns, stratify, spec.labels, Path(spec.images) if spec.images else None)
    _refuse_images(spec, path)
    if is_hub_folder(path):
        return read_hub_folder(path, spec.columns, stratify, spec.labels)
    _refuse_table_settings(spec, path)
    return read_folder(path, read_labels(Path(spec.labels.file), spec.labels.section) if spec.labels else None)


def _refuse_images(spec: DataSpec, path: Path) -> None:
    if spec.images is not None:
        raise InputError(
            f"has no effect on a folder ({path})", setting="data.images", expected="a table of ids as data.source"
        )


def _refuse_table_settings(spec: DataSpec, path: Path) -> None:
    settings = [f"columns.{name}" for name in spec.columns.changed] + ["split.stratify"] * bool(spec.split.stratify)
    if settings:
        raise InputError(
            f"has no effect on a folder per class ({path})",
            setting=f"data.{settings[0]}",
            expected=f"a file ending in {', '.join(READERS)} as data.source",
        )
