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
from sfumato.data.views import PLAIN, View
from sfumato.decision.doubt.reference import NO_REFERENCES, References
from sfumato.models.image_text import ImageText
from sfumato.models.network import Network
from sfumato.models.scoring import scored
from sfumato.multilabel_predictions import AnyPredictions, MultilabelPredictions
from sfumato.predictions import Predictions
from sfumato.shown import Shown, whole
from sfumato.training.machine import Machine

BATCH = 64


def outputs(
    compute: Callable[[Tensor | Shown], Tensor],
    table: Table,
    preprocess: Preprocess,
    machine: Machine,
    workers: int,
    *,
    exact: bool = True,
    pictures: Pictures | None = None,
    view: View = PLAIN,
) -> Iterator[tuple[list[int], Tensor]]:
    """Yield (rows, what is computed of their images) batch by batch; each process does its share, without gradients.

    Args:
        compute: What is shown of B samples -> (B, ...), of a model in evaluation mode.
        table: Samples.
        preprocess: Of validation.
        machine: Of the run.
        workers: Processes that decode.
        exact: Full precision, as a bundle computes; else the run's precision, which is faster.
        pictures: Decoded before, if any.
        view: How each image is looked at.
    """
    samples = Samples(table, preprocess, AugmentSpec(), seed=0, pictures=pictures, view=view)
    rank, processes = machine.rank, machine.processes
    shares = [chunk[rank::processes] for chunk in in_order(table, view.side(preprocess), BATCH * processes)]
    for batch in batches(samples, filter(None, shares), workers if len(table) > BATCH else 0):
        with torch.no_grad(), contextlib.nullcontext() if exact else machine.autocast():
            yield list(batch.rows), compute(machine.placed(batch).shown)


def computed(
    compute: Callable[[Tensor | Shown], Tensor],
    width: int,
    table: Table,
    preprocess: Preprocess,
    machine: Machine,
    workers: int,
    pictures: Pictures,
) -> NDArray[np.float32]:
    """(N, width) of all samples, over all processes, in full precision; arguments as for `outputs`."""
    found = np.zeros((len(table), width), dtype=np.float32)
    for rows, part in outputs(compute, table, preprocess, machine, workers, pictures=pictures):
        found[rows] = part.float().cpu().numpy()
    return machine.sum(torch.from_numpy(found).to(machine.device)).cpu().numpy()


def predict_tasks(
    model: Network,
    table: Table,
    preprocess: Preprocess,
    machine: Machine,
    workers: int,
    *,
    exact: bool = False,
    pictures: Pictures | None = None,
    features: Tensor | None = None,
) -> dict[str, AnyPredictions]:
    """Task of the table's layout -> logits of N samples; arguments as for `outputs`.

    A sample without an answer to a task has an unknown truth there. The model must be in evaluation mode. Where (N, D)
    features were computed before, they are used.
    """
    if features is None:
        found = outputs(model.logits, table, preprocess, machine, workers, exact=exact, pictures=pictures)
        return _as_predictions(_gathered(found, table), table, machine)
    with torch.no_grad():
        return _as_predictions(model.logits(features).cpu().numpy(), table, machine)


def predict_view(
    model: Network,
    table: Table,
    view: View,
    preprocess: Preprocess,
    machine: Machine,
    workers: int,
    pictures: Pictures,
    references: References = NO_REFERENCES,
) -> dict[str, AnyPredictions]:
    """The same of images looked at in a view, in full precision, and how familiar they are by the references."""

    def compute(shown: Tensor | Shown) -> Tensor:
        return scored(model, shown, list(references.values()))

    found = outputs(compute, table, preprocess, machine, workers, pictures=pictures, view=view)
    return _as_predictions(_gathered(found, table, len(references)), table, machine)


def predict_withheld(
    model: ImageText, table: Table, preprocess: Preprocess, machine: Machine, workers: int, pictures: Pictures
) -> tuple[AnyPredictions, AnyPredictions]:
    """Logits of N samples with one task by their pictures alone, and by their texts alone, in one look."""

    def compute(shown: Tensor | Shown) -> Tensor:
        return torch.cat(model.by_either(shown if isinstance(shown, Shown) else whole(shown)), dim=1)

    classes = table.layout.classes
    found = outputs(compute, table, preprocess, machine, workers, pictures=pictures)
    scores = _summed(_gathered(found, table, classes), machine)
    by_picture, by_text = (predictions_of(half, table)[""] for half in (scores[:, :classes], scores[:, classes:]))
    return by_picture, by_text


def _gathered(batches_of: Iterator[tuple[list[int], Tensor]], table: Table, measured: int = 0) -> NDArray[np.float32]:
    """(N, C + T) logits and the familiarity of so many tasks; rows that another process computes are 0."""
    scores = np.zeros((len(table), table.layout.classes + measured), dtype=np.float32)
    for rows, found in batches_of:
        scores[rows] = found.float().cpu().numpy()
    return scores


def _as_predictions(scores: NDArray[np.float32], table: Table, machine: Machine) -> dict[str, AnyPredictions]:
    """Task -> its share of (N, C) logits or (N, C + T), those of all processes together."""
    said, classes = _summed(scores, machine), table.layout.classes
    return predictions_of(said[:, :classes], table, said[:, classes:] if said.shape[1] > classes else None)


def _summed(scores: NDArray[np.float32], machine: Machine) -> NDArray[np.float32]:
    """Those of all processes together."""
    return machine.sum(torch.from_numpy(scores).to(machine.device)).cpu().numpy()


def predictions_of(
    said: NDArray[np.float32], table: Table, familiarity: NDArray[np.float32] | None = None
) -> dict[str, AnyPredictions]:
    """Task -> its columns of (N, C) logits, beside what the table says is true, and of (N, T) familiarity, if any."""
    layout = table.layout
    ids, groups = tuple(table.ids), groups_of(table)
    if layout.multilabel:
        return {"": MultilabelPredictions(ids, table.membership.astype(np.int8), said, layout.labels, groups)}
    near = [None] * len(layout.spaces) if familiarity is None else list(familiarity.T)
    tasks = zip(layout.slices.items(), table.answers.T, near, strict=True)
    return {
        name: Predictions(ids, truth, said[:, where], layout.spaces[name], groups, familiarity=of_task)
        for (name, where), truth, of_task in tasks
    }


def groups_of(table: Table) -> NDArray[np.int64] | None:
    """(N,) the unit of each sample, as splits keep them together; None where each is on its own."""
    units = units_of(table.rows)
    return units if len(np.unique(units)) < len(units) else None
