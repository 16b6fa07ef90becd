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


def predict_tasks(
    model: Classifier,
    table: Table,
    preprocess: Preprocess,
    machine: Machine,
    workers: int,
    *,
    exact: bool = False,
    pictures: Pictures | None = None,
    features: Tensor | None = None,
) -> dict[str, Predictions]:
    """Task of the table's layout -> logits of N samples; arguments as for `outputs`.

    A sample without an answer to a task has an unknown truth there. The model must be in evaluation mode. Where (N, D)
    features were computed before, they are used.
    """
    layout = table.layout
    logits = np.zeros((len(table), layout.classes), dtype=np.float32)
    if features is None:
        for rows, found in outputs(model.logits, table, preprocess, machine, workers, exact=exact, pictures=pictures):
            logits[rows] = found.float().cpu().numpy()
    else:
        with torch.no_grad():
            logits = model.logits(features).cpu().numpy()
    said = machine.sum(torch.from_numpy(logits).to(machine.device)).cpu().numpy()
    ids, groups = tuple(table.ids), groups_of(table)
    return {
        name: Predictions(ids, truth, said[:, where], layout.spaces[name], groups)
        for (name, where), truth in zip(layout.slices.items(), table.answers.T, strict=True)
    }


def groups_of(table: Table) -> NDArray[np.int64] | None:
    """(N,) the unit of each sample, as splits keep them together; None where each is on its own."""
    units = units_of(table.rows)
    return units if len(np.unique(units)) < len(units) else None
