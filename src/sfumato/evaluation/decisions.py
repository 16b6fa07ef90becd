"""Every sample in a row: what is true of it, what was said, and whether that is right."""

from collections.abc import Mapping

import polars as pl

from sfumato.decision.policy import Policy
from sfumato.evaluation.looking import Said
from sfumato.predictions import UNKNOWN, Predictions
from sfumato.tasks import of_task


def decision_rows(said: Said, policies: Mapping[str, Policy]) -> pl.DataFrame:
    """id, image, label, named, confidence, right, abstained, of several tasks as `label.TASK`; problem of bad images.

    `right` is empty where the label is not known; `named` is what it would say even where it abstained.
    """
    good = pl.DataFrame(
        {"id": said.table.ids, "image": said.table.first_images}, schema={"id": pl.String, "image": pl.String}
    )
    for task, table in said.by_task.items():
        good = good.hstack(_columns(table, policies[task], task))
    return pl.concat([good, said.bad], how="diagonal").sort("id")


def _columns(table: Predictions, policy: Policy, task: str) -> pl.DataFrame:
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
