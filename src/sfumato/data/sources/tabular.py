"""CSV, TSV, JSONL and Parquet: one row a sample."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import polars as pl

from sfumato.data.addresses import outside
from sfumato.data.columns import ColumnsSpec, Roles, find_roles, require
from sfumato.data.sources.answers import read_answers
from sfumato.data.sources.by_id import pictures_by_id
from sfumato.data.sources.delimited import separator_note
from sfumato.data.sources.files import line_of, read_rows
from sfumato.data.sources.parts import PART_NAMES
from sfumato.data.sources.windows_paths import with_slashes
from sfumato.data.table import PARTS, Table, make_table
from sfumato.data.texts import join
from sfumato.data.times import read_times
from sfumato.errors import InputError, nearest_name
from sfumato.labels import LabelSpace, read_labels
from sfumato.spec import Spec


class LabelsSpec(Spec):
    """A file that names the classes, their other names and what is known of them."""

    file: str
    """The label file, relative to the recipe's folder."""
    section: str | None = None
    """Its section; none = the only one, or, with several label columns, the one named as each column."""


def read_tabular(
    path: Path,
    columns: ColumnsSpec = ColumnsSpec(),  # noqa: B008  # frozen
    stratify: tuple[str, ...] = (),
    labels: LabelsSpec | None = None,
    images: Path | None = None,
) -> Table:
    """Read a .csv, .tsv, .jsonl or .parquet file.

    Args:
        path: The file; image paths in it are relative to its folder.
        columns: Named columns; the rest are found by their usual names.
        stratify: Further columns whose values are spread evenly over the parts.
        labels: A file that names the classes; None = those the data holds.
        images: Folder of pictures named by id, for a table without image column; None = the table's own.

    Raises:
        InputError: Unreadable, a named column is missing, no image or label column, an unknown part or class.
    """
    frame = read_rows(path)
    return table_of(frame, [(path, len(frame))], path.parent, columns, stratify, labels, images)


def table_of(
    frame: pl.DataFrame,
    files: Sequence[tuple[Path, int]],
    folder: Path,
    columns: ColumnsSpec,
    stratify: tuple[str, ...],
    labels: LabelsSpec | None,
    images: Path | None = None,
) -> Table:
    """The table that rows read from one or several files make.

    Args:
        frame: The rows.
        files: Where they stand: each file with its number of rows, in order.
        folder: What relative image paths are relative to.
        columns: As in `read_tabular`; `stratify`, `labels` and `images` too.
        stratify: See there.
        labels: See there.
        images: See there.
    """
    path = files[0][0]
    place = partial(_place, files)
    roles = find_roles(frame, columns, path)
    answers, tasks, said = read_answers(frame, roles, columns, _spaces(labels, roles), place)
    pictures, more = _pictures(frame, roles, folder, path, images, place)
    ids = frame[roles.single["id"]] if "id" in roles.single else frame[cast(str, roles.image)]
    result = [ids.alias("id"), pictures.alias("images"), *answers.get_columns()]
    if roles.texts:
        result.append(_joined(frame, roles.texts))
    if "group" in roles.single:
        result.append(frame[roles.single["group"]].str.strip_chars().replace("", None).alias("group"))
    if "time" in roles.single:
        result.append(read_times(frame[roles.single["time"]], place))
    if "split" in roles.single:
        result.append(_parts(frame[roles.single["split"]], place))
    if "fold" in roles.single:
        result.append(frame[roles.single["fold"]].str.strip_chars().replace("", None).alias("fold"))
    for name in stratify:
        require(frame, name, "data.split.stratify", path)
    if stratify:
        values = [pl.col(name).cast(pl.String).fill_null("") for name in stratify]
        result.append(frame.select(pl.concat_str(values, separator=" / ").alias("stratum")).to_series())
    _refuse_doubled(ids, place)
    where = str(path) if len(files) == 1 else str(folder)
    notes = [note for file, _ in files if (note := separator_note(file))]
    return make_table(pl.DataFrame(result), tasks, where, (*notes, *roles.notes, *said, *more))


class Row(NamedTuple):
    """What a row of a table without labels asks about."""

    id: str
    """Of the row; the address of its picture where the table has no ids."""
    images: tuple[str, ...]
    """Addresses of its pictures."""
    text: str
    """Cleaned and joined; "" = none, or none asked for."""


def read_inputs(path: Path, *, texts: bool = False, needed: bool = True) -> list[Row]:
    """What a table asks about, row by row, whatever else it holds.

    Args:
        path: The table.
        texts: Whether texts are wanted, and a row may then have no picture.
        needed: Whether a table without any is refused then.

    Raises:
        InputError: No image column or ids; no texts where they are wanted.
    """
    frame = read_rows(path)
    roles = find_roles(frame, ColumnsSpec(), path, with_labels=False)
    place = partial(_place, [(path, len(frame))])
    if texts and needed and not roles.texts:
        expected = "a column such as title, description or text"
        raise InputError("no texts, and a bundle that reads them", where=str(path), expected=expected)
    pictures, _ = _pictures(frame, roles, path.parent, path, None, place)
    images = [tuple(found) for found in cast(list[list[str]], pictures.to_list())]
    said = _joined(frame, roles.texts).to_list() if texts and roles.texts else [""] * len(frame)
    ids = cast(list[str | None], frame[roles.single["id"]].to_list() if "id" in roles.single else [None] * len(frame))
    rows = zip(ids, images, said, strict=True)
    return [Row(id_ or next(iter(some), ""), some, text) for id_, some, text in rows]


def _refuse_doubled(ids: pl.Series, place: "partial[str]") -> None:
    if ids.null_count():
        what = f"{ids.null_count()} rows have no id, this one first"
        raise InputError(what, where=place(cast(int, ids.is_null().arg_max())), expected="an id for every sample")
    again = ids.is_not_null() & ~ids.is_first_distinct()
    if again.any():
        row = cast(int, again.arg_max())
        raise InputError(
            f"id {ids[row]!r} stands in {int((ids == ids[row]).sum())} rows, here for the second time",
            where=place(row),
            expected="an id of its own for every sample",
        )


def _place(files: Sequence[tuple[Path, int]], row: int) -> str:
    for path, count in files:
        if row < count:
            return line_of(path, row)
        row -= count
    raise IndexError(row)


def _spaces(spec: LabelsSpec | None, roles: Roles) -> dict[str, LabelSpace]:
    if spec is None:
        return {}
    path = Path(spec.file).expanduser()
    if roles.one_hot or len(roles.labels) == 1:
        return {roles.labels[0]: read_labels(path, spec.section)}
    if spec.section is not None:
        raise InputError(
            f"{len(roles.labels)} label columns, each of its own section",
            setting="data.labels.section",
            mend="leave it out and name the sections as the columns",
        )
    return {name: read_labels(path, name) for name in roles.labels}


def _pictures(
    frame: pl.DataFrame, roles: Roles, folder: Path, path: Path, images: Path | None, place: "partial[str]"
) -> tuple[pl.Series, list[str]]:
    """(N) lists of addresses; empty where a row that may have a text names no picture."""
    if roles.image is None:
        return pictures_by_id(frame[roles.single["id"]], images or folder, path)
    if images is not None:
        raise InputError(f"has no effect: {path.name} names its pictures in {roles.image!r}", setting="data.images")
    cells = frame[roles.image]
    cells, notes = with_slashes(cells, folder)
    if not isinstance(cells.dtype, pl.List):
        cells = cells.str.strip_chars().replace("", None).to_frame().select(pl.concat_list(pl.all())).to_series()
    empty = cells.list.first().is_null() | (cells.list.len() == 0)
    if empty.any() and not roles.texts:  # a sample that has a text may do without a picture
        raise InputError(f"no image in column {roles.image!r}", where=place(cast(int, empty.arg_max())))
    pictures = cells.list.drop_nulls().fill_null([]).list.eval(_absolute(folder))
    return pictures, [*notes, *_outside_note(pictures.explode().drop_nulls(), folder)]


def _outside_note(addresses: pl.Series, folder: Path) -> list[str]:
    """A line where pictures lie elsewhere than the table: whoever takes it along needs them too."""
    away = outside(cast(list[str], addresses.to_list()), folder)
    if not away:
        return []
    return [f"data.columns.image: {len(away)} of {len(addresses)} pictures lie outside {folder}, such as {min(away)}"]


def _absolute(folder: Path) -> pl.Expr:
    """Addresses and absolute paths as they are, others below `folder`."""
    text = pl.element()
    below = pl.concat_str(pl.lit(str(folder) + "/"), text.str.strip_prefix("./"))
    home = pl.concat_str(pl.lit(str(Path.home())), text.str.strip_prefix("~"))
    full = text.str.contains(r"^(/|[A-Za-z]:[\\/]|\\\\)")
    return pl.when(full).then(text).when(text.str.starts_with("~/")).then(home).otherwise(below)


def _joined(frame: pl.DataFrame, names: tuple[str, ...]) -> pl.Series:
    columns = [
        frame[name].list.join(" ") if isinstance(frame[name].dtype, pl.List) else frame[name].cast(pl.String)
        for name in names
    ]
    return pl.Series("text", [join(texts) for texts in zip(*columns, strict=True)], dtype=pl.String)


def _parts(cells: pl.Series, place: "partial[str]") -> pl.Series:
    texts = cells.str.strip_chars().str.to_lowercase()
    parts = texts.replace_strict(PART_NAMES, default=None, return_dtype=pl.String)
    if parts.null_count():
        row = cast(int, parts.is_null().arg_max())
        raise InputError(
            f"the split is {cells[row]!r}" if cells[row] else "no split given, where other rows have one",
            where=place(row),
            expected=f"one of {', '.join(PARTS)}",
            nearest=nearest_name(cells[row] or "", PART_NAMES),
        )
    return parts.alias("part")
