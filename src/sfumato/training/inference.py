"""What a model says of every sample of a table, in the order of the table."""

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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


def outputs(
    compute: Callable[[Tensor], Tensor],
    table: Table,
    preprocess: Preprocess,
    machine: Machine,
    workers: int,
    *,
    exact: bool = True,
    pictures: Pictures | None = None,
    image_size: int | None = None,
) -> Iterator[tuple[list[int], Tensor]]:
    """Yield (rows, what is computed of their images) batch by batch; each process does its share, without gradients.

    Args:
        compute: (B, 3, H, W) uint8 -> (B, ...), of a model in evaluation mode.
        table: Samples.
        preprocess: Of validation.
        machine: Of the run.
        workers: Processes that decode.
        exact: Full precision, as a bundle computes; else the run's precision, which is faster.
        pictures: Decoded before, if any.
        image_size: Side in pixels; None = as `preprocess` says.
    """
    samples = Samples(table, preprocess, AugmentSpec(), seed=0, pictures=pictures)
    rank, processes = machine.rank, machine.processes
    size = preprocess.size if image_size is None else image_size
    shares = [chunk[rank::processes] for chunk in in_order(table, size, BATCH * processes)]
    for batch in batches(samples, filter(None, shares), workers if len(table) > BATCH else 0):
        with torch.no_grad(), contextlib.nullcontext() if exact else machine.autocast():
            yield list(batch.rows), compute(batch.to(machine.device).images)


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
    """Logits of N samples with labels; arguments as for `outputs`. The model must be in evaluation mode."""
    logits = np.zeros((len(table), len(table.labels)), dtype=np.float32)
    for rows, found in outputs(model.logits, table, preprocess, machine, workers, exact=exact, pictures=pictures):
        logits[rows] = found.float().cpu().numpy()
    total = machine.sum(torch.from_numpy(logits).to(machine.device))
    return Predictions(tuple(table.ids), table.targets, total.cpu().numpy(), table.labels, groups_of(table))


def groups_of(table: Table) -> NDArray[np.int64] | None:
    """(N,) the unit of each sample, as splits keep them together; None where each is on its own."""
    units = units_of(table.rows)
    return units if len(np.unique(units)) < len(units) else None
