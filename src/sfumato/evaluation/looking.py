"""What a bundle says of the samples of a table, and which of them can't be looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from sfumato.data.progress import Progress
from sfumato.data.table import Table
from sfumato.errors import InputError
from sfumato.multilabel_predictions import AnyPredictions
from sfumato.predict.inputs import Input, WithText
from sfumato.predict.predictor import Predictor
from sfumato.predict.readings import together
from sfumato.training.inference import predictions_of


@dataclass(frozen=True)
class Said:
    """What was said."""

    table: Table
    """The N samples that could be looked at."""
    by_task: Mapping[str, AnyPredictions]
    """Task of the bundle -> its logits."""
    bad: pl.DataFrame
    """The others: id, image, problem."""


def look_at(table: Table, predictor: Predictor, show: Progress) -> Said:
    """Look at the first picture of every sample, and at its text where the bundle reads texts.

    Raises:
        InputError: None can be looked at.
    """
    sources = ["" if image is None else image for image in table.first_images]
    inputs = _inputs(table, predictor)
    rows = [row for _, row in show(predictor.scored(inputs), len(sources))]
    problems = [row if isinstance(row, str) else None for row in rows]
    bad = pl.DataFrame({"id": table.ids, "image": sources, "problem": problems}).drop_nulls("problem")
    if len(bad) == len(table):
        raise InputError(f"no image can be used, the first since: {bad['problem'][0]}", where=table.source)
    kept = replace(table, rows=table.rows.filter(pl.Series([problem is None for problem in problems])))
    read = together([row for row in rows if not isinstance(row, str)])
    return Said(kept, predictions_of(read.logits, kept, read.familiarity), bad)


def _inputs(table: Table, predictor: Predictor) -> list[Input]:
    if not predictor.reads_texts:
        return [WithText(image, "") for image in table.first_images]
    texts, images = table.read(texts=True).texts or (), table.rows["images"].fill_null([]).to_list()
    return [WithText(some, text) for some, text in zip(images, texts, strict=True)]
