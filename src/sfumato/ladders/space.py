"""The space that pictures and class texts share, of a model whose encoders were trained together.

Shapes: N pictures, C classes, E dimensions.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from sfumato.data.table import Table
from sfumato.errors import InputError
from sfumato.ladders.rungs.shots import Shots
from sfumato.models.dual_encoder import DualEncoder
from sfumato.models.network import Network
from sfumato.preparation.prepared import Prepared
from sfumato.shown import Shown
from sfumato.training.inference import computed
from sfumato.training.machine import Machine


@dataclass(frozen=True)
class Space:
    """What rungs need of a model, whatever its encoders are."""

    model: DualEncoder
    """On the machine's device, in evaluation mode."""
    prototypes_ce: Tensor
    """(C, E) float64 of length 1: the texts of each class."""
    scale: float
    """One over the temperature."""

    def look(self, table: Table, prepared: Prepared, machine: Machine, workers: int) -> Tensor:
        """(N, E) float64 of length 1: each picture of a table, looked at once, plainly and in full precision."""
        width = self.prototypes_ce.shape[1]
        found = computed(self._projected, width, table, prepared.preprocess, machine, workers, prepared.pictures)
        return F.normalize(torch.from_numpy(found).double(), dim=1)

    def shots(self, features_ne: Tensor, truth: NDArray[np.signedinteger]) -> Shots:
        """What rungs are fitted on; truth is (N,) class indices or (N, C), as in `metrics.membership`."""
        if truth.ndim == 2:
            so = torch.from_numpy(truth.astype(np.float64))
        else:
            so = F.one_hot(torch.from_numpy(truth.astype(np.int64)), len(self.prototypes_ce)).double()
        return Shots(features_ne, so, self.prototypes_ce, self.scale, exclusive=truth.ndim == 1)

    def _projected(self, shown: Tensor | Shown) -> Tensor:
        return self.model.head.image(self.model.features(shown)).float()


def space_of(model: Network, machine: Machine) -> Space:
    """The space of a model.

    Raises:
        InputError: Its classes are not told by texts.
    """
    if not isinstance(model, DualEncoder):
        what = "has no space that pictures and class texts share"
        raise InputError(what, setting="model.kind", expected="dual_encoder")
    model = model.to(machine.device).eval()
    with torch.no_grad():
        texts = model.head.prototypes(model.reader.features(machine.device).float(), model.own_ck)
        return Space(model, texts.double().cpu(), float(model.head.log_scale.exp()))
