"""The story of a synthesis: split the samples, draw onto copies of those that train, write a table of all of them."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from sfumato.check_folder import outside_of
from sfumato.console import Console
from sfumato.data.parallel import in_parallel
from sfumato.data.sharing import Sharing
from sfumato.data.source import DataSpec, read_table
from sfumato.data.splits.split import split
from sfumato.data.table import PARTS, Table
from sfumato.errors import InputError
from sfumato.free_folder import emptied_on_failure, free_folder
from sfumato.recipe.given_data import load_given_data
from sfumato.recipe.load import ENDINGS, Loaded, load_recipe
from sfumato.synthesis.logos import read_logos
from sfumato.synthesis.painter import Painter
from sfumato.synthesis.rows import COPY_OF, SAYS, SYNTHETIC, Row, SourceRows, source_rows, write_rows
from sfumato.synthesis.settings import read_settings
from sfumato.synthesis.spec import SynthesisSpec
from sfumato.synthesis.titles import AGREES, CONTRADICTS, choose_fonts
from sfumato.synthesis.words import namings

TABLE, RECORD, BAD = "labels.jsonl", "record.jsonl", "bad_images.csv"


@dataclass(frozen=True)
class Synthesized:
    """What a synthesis wrote."""

    folder: Path
    counts: Mapping[str, int]
    """`copies`, and of them with `logos`, with a title that `agrees` or `contradicts`; samples that `train`, `val`,
    `test`, and that are `unused` or `bad`, which the table lacks."""
    notes: tuple[str, ...]
    settings: tuple[str, ...] = field(default=())
    """What a recipe of the data must have changed, as `--set` takes it."""

    @property
    def table(self) -> Path:
        """For `data.source`: every sample with its part, the copies among those that train."""
        return self.folder / TABLE

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "table": str(self.table),
            "record": str(self.folder / RECORD),
            "counts": dict(self.counts),
            "notes": list(self.notes),
            "settings": list(self.settings),
        }


def augment(
    target: str | Path,
    out: str | Path | None = None,
    *,
    spec: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Synthesized:
    """Draw titles, logos and artefacts onto copies of the training pictures of data, after its split.

    Args:
        target: A recipe, whose data it is, or anything that `data.source` of a recipe may be.
        out: A new or empty folder outside the data; None = `runs/NAME-augmented`, numbered where it exists.
        spec: A YAML file of a SynthesisSpec; None = its defaults.
        overrides: Path -> value; below `data.` of the recipe, all others of the spec, such as {"titles.agreeing": 0.3}.
        quiet: Shows no progress.

    Raises:
        InputError: Whatever is wrong with data, recipe or spec; a font that lacks a letter, a logo that can't be used.
    """
    of_data, of_spec = _parted(overrides or {})
    settings = read_settings(spec, of_spec)
    loaded = (
        load_recipe(target, of_data)
        if Path(target).suffix.lower() in ENDINGS
        else load_given_data(str(target), of_data)
    )
    console, data = Console(quiet=quiet), loaded.recipe.data
    with loaded.located():
        table = read_table(data)
        rows = source_rows(data, table)
    with settings.located():
        painter = _painter(settings.spec, data, table, rows)
    with (
        loaded.located(),
        _new_folder(out, _name(target, loaded), Path(data.given)) as folder,
        emptied_on_failure(folder),
    ):
        seen = Sharing(0)(table, console.stage, clusters=data.split.near_duplicates == "together")
        dealt = split(seen.usable, data.split)
        counts = _write(folder, dealt, rows, painter, console)
        seen.bad.write_csv(folder / BAD)
    unused = len(dealt) - int(dealt.rows["part"].is_in(PARTS).sum())  # the counts of the table hold copies too
    counts = {**counts, "bad": len(seen.bad), "unused": unused}
    notes = (*dealt.notes, *painter.fonts.notes, *_named(painter))
    return Synthesized(folder, counts, notes, _settings(loaded, folder))


def _name(target: str | Path, loaded: Loaded) -> str:
    """Of a new folder."""
    of_recipe = Path(target).suffix.lower() in ENDINGS
    return f"{loaded.recipe.name if of_recipe else Path(loaded.recipe.data.given).stem}-augmented"


def _parted(overrides: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What belongs to the data, and what to the spec."""
    of_data = {path: value for path, value in overrides.items() if path.startswith("data.")}
    return of_data, {path: value for path, value in overrides.items() if path not in of_data}


def _painter(spec: SynthesisSpec, data: DataSpec, table: Table, rows: SourceRows) -> Painter:
    """What copies are made with, all of it checked before any is made."""
    file = spec.labels or (data.labels.file if data.labels else None)
    found = namings(table, rows.frame, rows.id, Path(file) if file else None)
    titled = spec.titles.agreeing + spec.titles.contradicting > 0
    if titled and not found:
        expected = "a column all of whose cells are classes of one of its sections"
        raise InputError("no column has classes that titles could name", where=file, expected=expected)
    fonts = choose_fonts(spec.titles, found if titled else ())
    logos = read_logos(spec.logos.folder) if spec.logos.share else []
    return Painter(spec, tuple(found), fonts, tuple(logos))


def _new_folder(out: str | Path | None, name: str, source: Path) -> AbstractContextManager[Path]:
    outside_of(source, Path(out) if out is not None else Path("runs"))
    return free_folder(out, name)


def _write(folder: Path, table: Table, rows: SourceRows, painter: Painter, console: Console) -> dict[str, int]:
    """Pictures, record and table; how many there are of what."""
    (folder / "pictures").mkdir()
    part = dict(zip(table.ids, cast(list[str], table.rows["part"].to_list()), strict=True))
    given = [row for row in rows.frame.iter_rows(named=True) if part.get(row[rows.id]) in PARTS]
    train = [row for row in given if part[row[rows.id]] == "train"]
    wanted = [(row, copy) for row in train for copy in range(1, painter.spec.copies + 1)]
    groups = "group" not in rows.frame.columns and not table.rows["group"].drop_nulls().len()
    made, records = list[Row](), list[Row]()
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        drawn = in_parallel(lambda one: _copy(folder, painter, rows, *one), wanted, pool)
        for row, record in console.stage("drawing")(drawn, len(wanted)):
            made.append(row)
            records.append(record)
    kept = [row for row in given if painter.spec.originals == "kept" or part[row[rows.id]] != "train"]
    own: list[Row] = [{**row, COPY_OF: row[rows.id], SYNTHETIC: 0} for row in kept]
    write_rows(folder / RECORD, records)
    write_rows(folder / TABLE, _finished([*own, *made], rows, part, groups=groups))
    return {**_counts(records), **{name: sum(part[row[COPY_OF]] == name for row in [*own, *made]) for name in PARTS}}


def _copy(folder: Path, painter: Painter, rows: SourceRows, row: Row, copy: int) -> tuple[Row, Row]:
    """Draw and save one copy; its row and its record."""
    original = str(row[rows.id])
    picture, record = painter.paint(str(row[rows.image]), original, copy)
    name = f"pictures/{_file_name(original)}~{copy}.png"
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    picture.save(target, compress_level=3)
    own = original if painter.spec.originals == "replaced" else f"{original}~{copy}"
    title = cast(dict[str, Any] | None, record["title"])
    says = title["says"] if title else None
    made = {**row, rows.id: own, rows.image: name, COPY_OF: original, SYNTHETIC: 1, SAYS: says}
    return made, {"id": own, COPY_OF: original, "copy": copy, "picture": name, **record}


def _file_name(id_: str) -> str:
    """An id as a file's name: short, and no two ids alike."""
    from hashlib import blake2b

    plain = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in id_)[-60:]
    return f"{plain}-{blake2b(id_.encode(), digest_size=4).hexdigest()}"


def _finished(all_: list[Row], rows: SourceRows, part: Mapping[str, str], *, groups: bool) -> Iterator[Row]:
    """Rows with their part; where the source has no groups, a sample and its copies are one."""
    for row in all_:
        group = {"group": row[COPY_OF]} if groups else {}
        yield {rows.id: row[rows.id], rows.image: row[rows.image], **row, **group, rows.split: part[row[COPY_OF]]}


def _counts(records: list[Row]) -> dict[str, int]:
    says = [record["title"]["says"] if record["title"] else "" for record in records]
    logos = sum(bool(record["logos"]) for record in records)
    return {"copies": len(records), "logos": logos, AGREES: says.count(AGREES), CONTRADICTS: says.count(CONTRADICTS)}


def _named(painter: Painter) -> list[str]:
    columns = ", ".join(naming.column for naming in painter.named)
    return [f"titles: made of the classes in {columns}"] if columns else []


def _settings(loaded: Loaded, folder: Path) -> tuple[str, ...]:
    """What a recipe needs so that it trains on the table: its own way of splitting would have no effect any more."""
    data = loaded.recipe.data
    needed = [f"data.source={folder / TABLE}"]
    needed += ["data.dealt=null"] if data.dealt else []
    needed += ["data.images=null"] if data.images else []
    return (*needed, *(["data.split={}"] if data.split.changed else []))
