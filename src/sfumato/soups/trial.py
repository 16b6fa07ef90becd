"""A network that carries one soup after another, to score each and to say what it makes of samples."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sfumato.data.sharing import Sharing
from sfumato.data.table import Table
from sfumato.data.views import PLAIN
from sfumato.decision.doubt.reference import Measure, References
from sfumato.multilabel_predictions import AnyPredictions
from sfumato.predict.building import build_networks
from sfumato.preparation.prepare import prepare_again
from sfumato.preparation.prepared import job_of
from sfumato.soups.ingredients import RunIngredient
from sfumato.training.averaging import norms_that_differ, refresh_statistics
from sfumato.training.epoch_images import images_of
from sfumato.training.inference import predict_view
from sfumato.training.job import Job
from sfumato.training.machine import Machine
from sfumato.training.records import Scores
from sfumato.training.references import learn_references
from sfumato.training.soup import mean_of
from sfumato.training.validation import validate

Tensors = dict[str, Tensor]
Counts = Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Soup:
    """The mean of some runs."""

    places: tuple[int, ...]
    """Of the runs among all there are."""
    weights: Tensors
    scores: Scores
    """On the samples that choose; empty where there are none."""


class TrialNetwork:
    """Makes soups of runs.

    Args:
        runs: Of one make; of the first one's data batch-norm statistics are refreshed where weights were averaged.
        choosing: Samples to score on; may be empty.
        trained: Task -> (C,) training images of each class, over all runs.
        machine: Where to compute.
        workers: Processes that decode.
        sharing: Keeps the pictures that are decoded.
    """

    def __init__(  # a job's parts
        self,
        runs: list[RunIngredient],
        choosing: Table,
        trained: Counts,
        machine: Machine,
        workers: int,
        sharing: Sharing,
    ) -> None:
        self._runs, self._choosing, self._trained = runs, choosing, trained
        self._job = _job(runs[0], machine, workers, sharing)

    def make(self, places: tuple[int, ...]) -> Soup:
        """The mean of the runs at some places, with batch-norm statistics of its own, scored."""
        self.carry(mean_of(self._states(places)))
        model, epoch = self._job.model, self._job.plan.clock.epochs - 1
        refresh_statistics(model, images_of(self._job, epoch), norms_that_differ(model, self._states(places)))
        weights = {name: tensor.cpu().clone() for name, tensor in model.state_dict().items()}
        return Soup(places, weights, self._scores())

    def _states(self, places: tuple[int, ...]) -> Iterator[Tensors]:
        """The weights of runs, read one by one."""
        return (self._runs[place].weights for place in places)

    def carry(self, weights: Tensors) -> None:
        """Take other weights, and be in evaluation mode."""
        self._job.model.load_state_dict(weights)
        self._job.model.eval()

    def predict(self, table: Table, references: References) -> dict[str, AnyPredictions]:
        """Task -> what the weights carried now say of samples, familiar by the references, if any."""
        job = self._job
        return predict_view(job.model, table, PLAIN, job.preprocess, job.machine, job.workers, job.pictures, references)

    def learn(self, by: Measure | None) -> References:
        """What the pictures that the first run trained on are to the weights carried now."""
        return learn_references(self._job, by)

    @property
    def job(self) -> Job:
        """The first run's, with the network in the place of its own."""
        return self._job

    def _scores(self) -> Scores:
        if not len(self._choosing):
            return {}
        job = self._job
        return validate(
            job.model, self._choosing, self._trained, job.preprocess, job.machine, job.workers, job.pictures
        ).scores


def _job(run: RunIngredient, machine: Machine, workers: int, sharing: Sharing) -> Job:
    prepared = prepare_again(run.folder, sharing)
    job = job_of(prepared, machine, workers, run.folder.checkpoints)
    (model,) = build_networks(replace(run.bundle, members=(run.weights,)), prepared.preprocess, run.name)
    return replace(job, model=model.to(machine.device))
