"""What training pictures are to the finished network, by which it is told later how familiar others are."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from sfumato.data.progress import Progress, unseen
from sfumato.data.table import Table
from sfumato.decision.doubt.drawn import drawn
from sfumato.decision.doubt.reference import Measure, References, fit_reference
from sfumato.training.inference import BATCH, outputs
from sfumato.training.job import Job


def learn_references(job: Job, by: Measure | None, show: Progress = unseen) -> References:
    """Task -> its reference: the features of training samples, looked at once each as in validation.

    They are drawn by the seed, `drawn` says how many; those of unknown class have no part in a task's.

    Args:
        job: Its model has the weights that were kept, and is left in evaluation mode; all processes take part.
        by: How familiarity is measured; None = it is not, and nothing is looked at.
        show: Shows the progress.
    """
    if by is None:
        return {}
    table = job.train
    answers = zip(table.layout.spaces, table.answers.T, strict=True)
    rows = {task: drawn(by, truth, job.spec.seed) for task, truth in answers}
    asked = np.unique(np.concatenate(list(rows.values())))
    features = _features(job, replace(table, rows=table.rows[asked]), show)
    return {
        task: fit_reference(by, features[np.searchsorted(asked, mine)], table.answers[mine, place])
        for place, (task, mine) in enumerate(rows.items())
    }


def _features(job: Job, table: Table, show: Progress) -> NDArray[np.float32]:
    """(N, D) of a table's samples, in its order, those of all processes together."""
    model = job.model.eval()
    found = torch.zeros(len(table), model.width)
    seen = outputs(
        lambda shown: model.completed(model.features(shown)),
        table,
        job.preprocess,
        job.machine,
        job.workers,
        pictures=job.pictures,
    )
    for rows, features in show(seen, -(-len(table) // (BATCH * job.machine.processes))):
        found[rows] = features.float().cpu()
    return job.machine.sum(found.to(job.machine.device)).cpu().numpy()
