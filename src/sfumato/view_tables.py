"""Predictions tables with a column `view`: what was said of the same samples in each way of looking at them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from sfumato.errors import InputError
from sfumato.predictions import UNKNOWN, Predictions, familiarity_column


def write_view_table(path: Path, said: Mapping[str, Predictions]) -> None:
    """Write a Parquet file: id, view, label (name or null), logits (a list of C numbers), the views one after another.

    Where `familiarity` was measured, it is a column too.

    Args:
        path: Where to.
        said: Name of a view -> what is said of the same samples in it.
    """
    frames = [_frame(view, table) for view, table in said.items()]
    labels = next(iter(said.values())).labels.names
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.concat(frames).write_parquet(path, metadata={"labels": json.dumps(labels, ensure_ascii=False)})


def read_view_table(path: Path, like: Predictions) -> dict[str, Predictions]:
    """Name of a view -> what is said in it, in the order they were written.

    Args:
        path: Of a file that `write_view_table` wrote.
        like: The table of the same samples without views; gives what is true of them.

    Raises:
        InputError: No such file, it is damaged, or it is of other samples.
    """
    if not path.is_file():
        raise InputError("no such predictions table", where=str(path))
    try:
        frame = pl.read_parquet(path)
        parts = frame.partition_by("view", as_dict=True, maintain_order=True)
        return {str(key[0]): _like(part, like) for key, part in parts.items()}
    except (PolarsError, OSError, TypeError, ValueError, InputError) as error:
        raise InputError(f"damaged: {' '.join(str(error).split())[:200]}", where=str(path)) from None


def _frame(view: str, table: Predictions) -> pl.DataFrame:
    names = [table.labels.names[t] if t != UNKNOWN else None for t in cast(list[int], table.truth.tolist())]
    frame = pl.DataFrame(
        {"id": list(table.ids), "view": view, "label": names, "logits": table.logits.tolist()},
        schema={"id": pl.String, "view": pl.String, "label": pl.String, "logits": pl.List(pl.Float32)},
    )
    if table.familiarity is None:
        return frame
    return frame.with_columns(pl.Series("familiarity", table.familiarity))


def _like(part: pl.DataFrame, like: Predictions) -> Predictions:
    if tuple(part["id"].to_list()) != like.ids:
        raise InputError("other samples than in the table without views")
    logits = np.array(part["logits"].to_list(), dtype=np.float32).reshape(len(like), len(like.labels))
    familiarity = familiarity_column(part)
    return Predictions(like.ids, like.truth, logits, like.labels, like.groups, like.folds, familiarity)
