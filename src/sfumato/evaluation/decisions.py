"""Every sample in a row: what is true of it, what was said, and whether that is right."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.policies import AnyPolicy
from sfumato.decision.policy import Policy
from sfumato.evaluation.looking import Said
from sfumato.metrics.membership import complete
from sfumato.multilabel_predictions import AnyPredictions, MultilabelPredictions
from sfumato.predictions import UNKNOWN
from sfumato.tasks import of_task


def decision_rows(said: Said, policies: Mapping[str, AnyPolicy]) -> pl.DataFrame:
    """id, image, label, named, confidence, right, abstained, of several tasks as `label.TASK`; problem of bad images.

    `right` is empty where the label is not known; `named` is what it would say even where it abstained. Where an image
    may be of several classes `label` and `named` are joined by `|`, there is no confidence, and `right` is empty unless
    all is known.
    """
    good = pl.DataFrame(
        {"id": said.table.ids, "image": said.table.first_images}, schema={"id": pl.String, "image": pl.String}
    )
    for task, table in said.by_task.items():
        good = good.hstack(_columns(table, policies[task], task))
    return pl.concat([good, said.bad], how="diagonal").sort("id")


def _columns(table: AnyPredictions, policy: AnyPolicy, task: str) -> pl.DataFrame:
    if isinstance(table, MultilabelPredictions):
        assert isinstance(policy, MultilabelPolicy)
        return _of_labels(table, policy)
    assert isinstance(policy, Policy)
    verdicts, names = policy.apply(table.logits, table.familiarity), pl.Series(table.labels.names, dtype=pl.String)
    known = pl.Series(table.truth != UNKNOWN)
    right = pl.Series(verdicts.predicted == table.truth)
    columns = {
        "label": names.gather(pl.Series(table.truth).replace(UNKNOWN, None)),
        "named": names.gather(pl.Series(verdicts.predicted)),
        "confidence": pl.Series(verdicts.confidence),
        "right": pl.select(pl.when(known).then(right)).to_series(),
        "abstained": pl.Series(verdicts.abstained),
    }
    return pl.DataFrame({of_task(name, task): column for name, column in columns.items()})


def _of_labels(table: MultilabelPredictions, policy: MultilabelPolicy) -> pl.DataFrame:
    named = policy.apply(table.logits).named
    right = pl.Series((named == table.there).all(axis=1))
    said = replace(table, truth=named.astype(np.int8)).label_column
    columns = {
        "label": table.label_column.list.join("|"),
        "named": said.list.join("|"),
        "right": pl.select(pl.when(pl.Series(complete(table.truth))).then(right)).to_series(),
    }
    return pl.DataFrame(columns)
