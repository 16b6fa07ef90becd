"""The validation scores of a run: of every epoch, read while it is trained, and of the weights that were kept."""

import polars as pl

from sfumato.metrics.label_scores import AnyScoreName
from sfumato.run_folder import RunFolder
from sfumato.training.records import PREFIXES


def epoch_scores(run: RunFolder, select: AnyScoreName) -> list[float]:
    """Each epoch's highest score of any of its weights, raw or averaged: the one by which the best are kept."""
    text = run.history.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]  # the last row may be half written
    frame = pl.read_csv(whole, infer_schema_length=None)
    columns = [f"{prefix}_{select}" for prefix in PREFIXES.values()]
    there = [pl.col(name).cast(pl.Float64, strict=False) for name in columns if name in frame.columns]
    return frame.select(pl.max_horizontal(there).fill_null(0.0).alias("score"))["score"].to_list()


def kept_score(run: RunFolder, select: AnyScoreName) -> float:
    """Of a finished run's weights: those of its best epoch, or where there were averages to choose from, the chosen."""
    if not run.averages.is_file():
        return max(epoch_scores(run, select))
    chosen = pl.read_csv(run.averages, columns=[select, "kept"]).filter(pl.col("kept") == 1)
    return float(chosen[select].cast(pl.Float64).fill_null(0.0).item())
