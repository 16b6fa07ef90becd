"""What a model says of every sample of a table, in the order of the table."""

import contextlib

import numpy as np
import torch
from numpy.typing import NDArray

from sfumato.data.augment import AugmentSpec
from sfumato.data.loading import Samples, batches, in_order
from sfumato.data.pictures import Pictures
from sfumato.data.preprocess import Preprocess
from sfumato.data.splits.units import units_of
from sfumato.data.table import Table
from sfumato.models.classifier import Classifier
from sfumato.predictions import Predictions
from sfumato.training.machine import Machine

BATCH = 64


@torch.inference_mode()
def predict_table(
    model: Classifier,
    table: Table,
    preprocess: Preprocess,
    machine: Machine,
    workers: int,
    *,
    exact: bool = False,
    pictures: Pictures | None = None,
) -> Predictions:
    """Logits of N samples; each process does its share. The model must be in evaluation mode.

    Args:
        model: In evaluation mode.
        table: Samples with labels.
        preprocess: Of validation.
        machine: Of the run.
        workers: Processes that decode.
        exact: Full precision, as a bundle computes; else the run's precision, which is faster.
        pictures: Decoded before, if any.
    """
    samples = Samples(table, preprocess, AugmentSpec(), seed=0, pictures=pictures)
    rank, processes = machine.rank, machine.processes
    logits = np.zeros((len(table), len(table.labels)), dtype=np.float32)
    shares = [chunk[rank::processes] for chunk in in_order(table, preprocess.size, BATCH * processes)]
    for batch in batches(samples, filter(None, shares), workers if len(table) > BATCH else 0):
        with contextlib.nullcontext() if exact else machine.autocast():
            rows = model.logits(batch.to(machine.device).images)
        logits[list(batch.rows)] = rows.float().cpu().numpy()
    total = machine.sum(torch.from_numpy(logits).to(machine.device))
    return Predictions(tuple(table.ids), table.targets, total.cpu().numpy(), table.labels, groups_of(table))


def groups_of(table: Table) -> NDArray[np.int64] | None:
    """(N,) the unit of each sample, as splits keep them together; None where each is on its own."""
    units = units_of(table.rows)
    return units if len(np.unique(units)) < len(units) else None
