"""Every sample in a row: what is true of it, what each stage said, and how it ended."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.cascades.looking import Said
from sfumato.cascades.measuring import Answers, elements_wrong, whole_answers, whole_names, whole_truth
from sfumato.labels import LabelSpace
from sfumato.metrics.blame import ends
from sfumato.multilabel_predictions import MultilabelPredictions
from sfumato.predict.cascade_stages import Stages


def answer_rows(answers: Answers, stages: Stages) -> pl.DataFrame:
    """id, image, label, named, confidence, right, withheld, going, elements, named_elements, end; problem of bad ones.

    `named` is what it would say even where the answer is withheld; `end` is one of `metrics.blame.ENDS`. Elements are
    joined by `|`; a picture that was stopped has none named. Only samples of which it is known what they are.
    """
    said, samples, classes = answers.said, answers.said.samples, len(stages.products.labels)
    names = pl.Series(whole_names(stages), dtype=pl.String)
    confidence = np.where(answers.passed, answers.last.confidence, 1 - said.going)
    found = ends(answers.wanted, answers.passed, answers.right, answers.withheld, elements_wrong(answers, stages))
    columns = {
        "id": pl.Series(samples.table.ids, dtype=pl.String),
        "image": pl.Series(samples.table.first_images, dtype=pl.String),
        "label": names.gather(pl.Series(whole_truth(answers, classes))),
        "named": names.gather(pl.Series(whole_answers(answers, classes))),
        "confidence": pl.Series(confidence),
        "right": pl.Series(answers.ended_right),
        "withheld": pl.Series(answers.passed & answers.withheld),
        "going": pl.Series(said.going),
        **_elements(answers, stages),
        "end": pl.Series(_names_of(found), dtype=pl.String),
    }
    good = pl.DataFrame(columns)
    return pl.concat([good, said.bad], how="diagonal").sort("id")


def _elements(answers: Answers, stages: Stages) -> dict[str, pl.Series]:
    said = answers.said
    if said.elements is None:
        return {}
    logits = np.nan_to_num(said.elements)
    labels = stages.of["elements"].labels
    named = stages.named(logits).named & answers.passed[:, None]
    truth = said.samples.truth["elements"].astype(np.int8)
    return {
        "elements": _joined(truth, logits, labels, said),
        "named_elements": _joined(named.astype(np.int8), logits, labels, said),
    }


def _joined(truth: NDArray[np.int8], logits: NDArray[np.float32], labels: LabelSpace, said: Said) -> pl.Series:
    """N lists of names in one cell each, `?` before those of which it is not known."""
    table = MultilabelPredictions(tuple(said.samples.table.ids), truth, logits, labels)
    return table.label_column.list.join("|")


def _names_of(found: dict[str, NDArray[np.bool_]]) -> list[str]:
    """The end of each sample."""
    names, rows = list(found), np.stack(list(found.values()), axis=1)
    return [names[place] for place in rows.argmax(axis=1).tolist()]
