"""Predictions tables with a column `view`: what was said of the same samples in each way of looking at them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from sfumato.errors import InputError
from sfumato.multilabel_predictions import AnyPredictions
from sfumato.predictions import Predictions, familiarity_in, row_columns, with_familiarity


def write_view_table(path: Path, said: Mapping[str, AnyPredictions]) -> None:
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


def read_view_table(path: Path, like: AnyPredictions) -> dict[str, AnyPredictions]:
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


def _frame(view: str, table: AnyPredictions) -> pl.DataFrame:
    frame = row_columns(table, table.label_column).select("id", pl.lit(view).alias("view"), "label", "logits")
    return with_familiarity(frame, table.familiarity) if isinstance(table, Predictions) else frame


def _like(part: pl.DataFrame, like: AnyPredictions) -> AnyPredictions:
    if tuple(part["id"].to_list()) != like.ids:
        raise InputError("other samples than in the table without views")
    logits = np.array(part["logits"].to_list(), dtype=np.float32).reshape(len(like), len(like.labels))
    if isinstance(like, Predictions):
        return replace(like, logits=logits, familiarity=familiarity_in(part))
    return replace(like, logits=logits)
