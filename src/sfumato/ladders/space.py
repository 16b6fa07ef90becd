"""The space that pictures and class texts share, of a model whose encoders met, and where the pictures of a recipe lie.

Shapes: N pictures, C classes, E dimensions.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from sfumato.console import Console
from sfumato.data.table import Table
from sfumato.errors import InputError
from sfumato.ladders.rungs.shots import Shots
from sfumato.models.dual_encoder import DualEncoder
from sfumato.models.tower_lora import merge_lora
from sfumato.multilabel_predictions import AnyPredictions, known_rows
from sfumato.preparation.prepared import Prepared, job_of
from sfumato.training.changeover import begin_head
from sfumato.training.inference import predictions_of
from sfumato.training.machine import Machine
from sfumato.training.prototype_features import PrototypeFeatures, prototype_features


@dataclass(frozen=True)
class Space:
    """The pictures of which something is known, each looked at once; by the name of their part."""

    model: DualEncoder
    tables: Mapping[str, AnyPredictions]
    """What is true of them; logits are yet to come."""
    features: Mapping[str, Tensor]
    """(N, E) float64, each of length 1."""
    said: PrototypeFeatures
    """What the texts of the classes are there."""
    seconds: float
    """To look at all pictures."""

    def shots(self, rows: NDArray[np.int64]) -> Shots:
        """What rungs are fitted on: these training pictures."""
        truth, prototypes = self.tables["train"].truth[rows], _unit(self.said.prototypes)
        if truth.ndim == 2:
            so = torch.from_numpy(truth.astype(np.float64))
        else:
            so = F.one_hot(torch.from_numpy(truth.astype(np.int64)), len(prototypes)).double()
        bias = -self.said.scale * (self.said.midpoint or 0.0)
        return Shots(self.features["train"][rows], so, prototypes, self.said.scale, truth.ndim == 1, bias)


def look(prepared: Prepared, machine: Machine, workers: int, folder: Path, console: Console) -> Space:
    """Look at each picture once, plainly and in full precision; `folder` is where the ladder ends up.

    Raises:
        InputError: No training or no validation picture has an answer.
    """
    model = prepared.model.to(machine.device)
    assert isinstance(model, DualEncoder)  # others were refused
    merge_lora(model)
    job = job_of(prepared, machine, workers, folder)
    begin_head(job)
    parts = {name: _known(prepared.table.part(name)) for name in ("train", "val", "test")}
    for name in ("train", "val"):
        if not len(parts[name]):
            raise InputError(f"no {name} picture of which anything is known", setting="data")
    began = time.perf_counter()
    there = {name: table for name, table in parts.items() if len(table)}
    found = {
        name: prototype_features(job, table)
        for name, table in console.stage("looking at pictures")(there.items(), len(there))
    }
    features = {name: _unit(one.images) for name, one in found.items()}
    tables = {name: _truth(table) for name, table in there.items()}
    return Space(model, tables, features, found["train"], time.perf_counter() - began)


def _unit(rows: NDArray[np.float32]) -> Tensor:
    return F.normalize(torch.from_numpy(rows).double(), dim=1)


def _known(table: Table) -> Table:
    """The samples of which something is known."""
    return replace(table, rows=table.rows.filter(known_rows(_truth(table)))) if len(table) else table


def _truth(table: Table) -> AnyPredictions:
    """A predictions table that says nothing yet."""
    nothing = np.zeros((len(table), table.layout.classes), dtype=np.float32)
    return predictions_of(nothing, table)[""]
