"""Where the midpoint of a dual encoder begins: at which cosine a class is as likely as not."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from sfumato.models.prototype_head import PrototypeHead
from sfumato.multilabel_predictions import MultilabelPredictions
from sfumato.training.inference import predict_tasks
from sfumato.training.job import Job

MOST = 512
"""Training samples that are looked at for it."""
STEPS = 60
"""Times an interval of cosines is halved."""


@torch.no_grad()
def fit_midpoint(job: Job) -> None:
    """Put the midpoint where the mean probability over training samples is the share of labels that are there.

    Without it half of all labels, or nearly all, would be there at first, and steps be spent on learning how many. It
    depends on weights and data alone, so that a run that is killed at such a moment begins alike.

    Args:
        job: Its model is asked, in evaluation mode, and left in that.
    """
    model, head = job.model.eval(), job.model.head
    if not isinstance(head, PrototypeHead) or head.midpoint is None:
        raise TypeError("no head with a midpoint")
    some = replace(job.train, rows=job.train.rows.gather_every(-(-len(job.train) // MOST)))
    (said,) = predict_tasks(
        model, some, job.preprocess, job.machine, job.workers, exact=True, pictures=job.pictures
    ).values()
    assert isinstance(said, MultilabelPredictions)
    known, scale = said.truth >= 0, float(head.log_scale.exp())
    if known.any():
        logits = said.logits[known].astype(np.float64)
        head.midpoint.add_(level_of(logits, float((said.truth[known] == 1).mean())) / scale)


def level_of(logits: NDArray[np.float64], share: float) -> float:
    """What to subtract from all logits, (N,), so that their mean probability is a share; found by halving."""
    wanted = min(max(share, 0.5 / len(logits)), 1 - 0.5 / len(logits))
    low, high = float(logits.min()) - 40, float(logits.max()) + 40
    for _ in range(STEPS):
        middle = (low + high) / 2
        mean = float((0.5 * (1 + np.tanh((logits - middle) / 2))).mean())
        low, high = (middle, high) if mean > wanted else (low, middle)
    return (low + high) / 2
