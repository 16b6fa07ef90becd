"""Before training every image is decoded once; what can't be used is listed with its reason and left out."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import cast

import polars as pl

from sfumato.data.addresses import pictures_of
from sfumato.data.images import BadImageError
from sfumato.data.parallel import in_parallel
from sfumato.data.pictures import Pictures
from sfumato.data.progress import Progress
from sfumato.data.table import Table, Task
from sfumato.errors import InputError

NO_PICTURE = "no image"
NO_TEXT = "no text"
NO_LABEL = "no label"


def leave_out_bad(table: Table, pictures: Pictures, progress: Progress) -> tuple[Table, pl.DataFrame]:
    """Decode every picture in parallel; return the usable samples and the table (id, image, problem) of what is bad.

    A sample without a label is left out too: it can neither train nor measure. What is decoded goes through `pictures`,
    which keeps it for training as far as it fits. Nothing else is measured: that is for `sfumato check`.

    Where texts are read a sample needs no picture: it is listed, and its text alone is used. Where all its pictures
    count, it is left with those that are good.

    Raises:
        InputError: What is left has fewer than two classes.
    """
    seen = pictures_of(table)
    seen = seen if table.pictures != "first" else seen.filter(pl.col("place") == 0)
    problem = _no_problem if table.pictures == "none" else partial(_problem, pictures)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = in_parallel(problem, cast(list[str | None], seen["image"].to_list()), pool)
        seen = seen.with_columns(pl.Series("problem", list(progress(found, len(seen))), dtype=pl.String))
    lost = unusable(table, _of_samples(table, seen))
    spared = _spared(table, lost)
    bad = _listed(seen, lost, spared)
    return _usable(_with_good(table, seen), lost.join(spared, on="id", how="anti"), len(spared)), bad


def _of_samples(table: Table, seen: pl.DataFrame) -> pl.DataFrame:
    """(id, problem) of each sample: that of its first picture where none is good, else null."""
    if table.pictures == "none":
        return table.rows.select("id", pl.when(pl.col("text") == "").then(pl.lit(NO_TEXT)).alias("problem"))
    problem = pl.when(pl.col("problem").is_not_null().all()).then(pl.col("problem").first())
    return seen.group_by("id", maintain_order=True).agg(problem)


def _spared(table: Table, lost: pl.DataFrame) -> pl.DataFrame:
    """(id) of the samples that are used although they have no good picture: those with a text and a label."""
    if table.texts is None:
        return lost.select("id").clear()
    labelled = pl.any_horizontal(pl.col(task.column).is_not_null() for task in table.tasks)
    return table.rows.filter(labelled & (pl.col("text") != "")).select("id").join(lost, on="id", how="semi")


def _listed(seen: pl.DataFrame, lost: pl.DataFrame, spared: pl.DataFrame) -> pl.DataFrame:
    """(id, image, problem) of what is bad, saying what becomes of a sample that is used all the same."""
    kept = seen.filter(pl.col("problem").is_not_null()).join(lost, on="id", how="anti")
    others = kept.select("id", "image", pl.col("problem") + "; its other pictures are used")
    texts = pl.col("id").is_in(spared["id"].to_list())
    said = pl.when(texts).then(pl.col("problem") + "; its text alone is used").otherwise("problem").alias("problem")
    return pl.concat([lost.with_columns(said), others]).sort("id", maintain_order=True)


def _with_good(table: Table, seen: pl.DataFrame) -> Table:
    """The samples with those of their pictures that are good, where a sample can do without some."""
    if table.pictures == "none" or (table.texts is None and table.pictures == "first"):
        return table
    usable = pl.col("image").filter(pl.col("problem").is_null()).alias("images")
    good = seen.group_by("id", maintain_order=True).agg(usable)
    rows = table.rows.drop("images").join(good, on="id", how="left", maintain_order="left")
    return replace(table, rows=rows.select(table.rows.columns))


def left_out(table: Table, problems: pl.DataFrame) -> pl.DataFrame:
    """The samples (id, image, problem) that training leaves out, from (id, problem) of all: of a text alone none is."""
    lost = unusable(table, problems)
    return lost.join(_spared(table, lost), on="id", how="anti")


def unusable(table: Table, problems: pl.DataFrame) -> pl.DataFrame:
    """The samples (id, image, problem) that can't be used, from (id, problem) of all: a problem, or no label."""
    unlabelled = pl.all_horizontal(pl.col(task.column).is_null() for task in table.tasks)
    first = pl.col("images").list.first().fill_null("")
    rows = table.rows.select("id", first.alias("image"), unlabelled.alias("unlabelled")).join(problems, on="id")
    no_label = pl.when("unlabelled").then(pl.lit(NO_LABEL))
    rows = rows.select("id", "image", pl.coalesce("problem", no_label).alias("problem"))
    return rows.filter(pl.col("problem").is_not_null()).sort("id")


def _usable(table: Table, bad: pl.DataFrame, spared: int) -> Table:
    usable = table.without(bad["id"].to_list())
    there = {task.name: _classes(usable, task) for task in table.questions}
    several = len(there) > 1
    few = next((task.name for task in table.questions if len(there[task.name]) < (1 if task.many else 2)), None)
    if few is not None:
        reason = f"{bad['problem'][0]}: {bad['image'][0]}" if len(bad) else "no sample"
        raise InputError(
            f"{len(bad)} of {len(table)} samples can't be used ({reason})",
            where=table.source,
            expected=f"usable images of {_least(table)}" + (f" of {few!r}" if several else ""),
        )
    notes = [f"data: {len(bad)} of {len(table)} samples left out, listed in data/bad_images.csv"] if len(bad) else []
    if spared:
        notes.append(f"data: {spared} of {len(table)} samples have no good picture and are used for their texts alone")
    for task in table.questions:
        lost = [name for name in task.labels.names if name not in there[task.name]]
        of = f" of {task.name!r}" if several else ""
        then = "stays unmeasured" if task.many else "is dropped"
        notes += [f"data: class {name!r}{of} has no usable image and {then}" for name in lost]
    tasks = tuple(
        task if task.many else replace(task, labels=task.labels.only(there[task.name])) for task in table.questions
    )
    return replace(usable, tasks=tasks, notes=(*usable.notes, *notes))


def _classes(table: Table, task: Task) -> set[str]:
    """Those that an image is of."""
    column = table.rows[task.column]
    return set((column.explode() if task.many else column).drop_nulls().unique())


def _least(table: Table) -> str:
    return "a class" if table.layout.multilabel else "at least two classes"


def _no_problem(_: str | None) -> str | None:
    """Where pictures are not looked at."""
    return None


def _problem(pictures: Pictures, address: str | None) -> str | None:
    if address is None:
        return NO_PICTURE
    try:
        pictures.look(address)
    except BadImageError as error:
        return str(error)
    return None
