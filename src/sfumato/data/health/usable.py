"""Before training every image is decoded once; what can't be used is listed with its reason and left out."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import polars as pl

from sfumato.data.images import BadImageError
from sfumato.data.parallel import in_parallel
from sfumato.data.pictures import Pictures
from sfumato.data.progress import Progress
from sfumato.data.table import Table, Task
from sfumato.errors import InputError

NO_PICTURE = "no image"


def leave_out_bad(table: Table, pictures: Pictures, progress: Progress) -> tuple[Table, pl.DataFrame]:
    """Decode every image in parallel; return the usable samples and the table (id, image, problem) of the others.

    A sample without a label is left out too: it can neither train nor measure. What is decoded goes through `pictures`,
    which keeps it for training as far as it fits. Nothing else is measured: that is for `sfumato check`.

    Raises:
        InputError: What is left has fewer than two classes.
    """
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = in_parallel(partial(_problem, pictures), table.first_images, pool)
        problems = list(progress(found, len(table)))
    bad = unusable(table, pl.DataFrame({"id": table.ids, "problem": problems}, schema_overrides={"problem": pl.String}))
    return _usable(table, bad), bad


def unusable(table: Table, problems: pl.DataFrame) -> pl.DataFrame:
    """The samples (id, image, problem) that can't be used, from (id, problem) of all: a problem, or no label."""
    unlabelled = pl.all_horizontal(pl.col(task.column).is_null() for task in table.tasks)
    first = pl.col("images").list.first().fill_null("")
    rows = table.rows.select("id", first.alias("image"), unlabelled.alias("unlabelled")).join(problems, on="id")
    no_label = pl.when("unlabelled").then(pl.lit("no label"))
    rows = rows.select("id", "image", pl.coalesce("problem", no_label).alias("problem"))
    return rows.filter(pl.col("problem").is_not_null()).sort("id")


def _usable(table: Table, bad: pl.DataFrame) -> Table:
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


def _problem(pictures: Pictures, address: str | None) -> str | None:
    if address is None:
        return NO_PICTURE
    try:
        pictures(address)
    except BadImageError as error:
        return str(error)
    return None
