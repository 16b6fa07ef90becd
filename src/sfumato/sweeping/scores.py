"""The validation score of every epoch of a run, read while it is trained."""

import polars as pl

from sfumato.metrics.classification import ScoreName
from sfumato.run_folder import RunFolder
from sfumato.training.records import PREFIXES


def epoch_scores(run: RunFolder, select: ScoreName) -> list[float]:
    """Each epoch's highest score of any of its weights, raw or averaged: the one by which the best are kept."""
    text = run.history.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]  # the last row may be half written
    frame = pl.read_csv(whole, infer_schema_length=None)
    columns = [f"{prefix}_{select}" for prefix in PREFIXES.values()]
    there = [pl.col(name).cast(pl.Float64, strict=False) for name in columns if name in frame.columns]
    return frame.select(pl.max_horizontal(there).fill_null(0.0).alias("score"))["score"].to_list()
