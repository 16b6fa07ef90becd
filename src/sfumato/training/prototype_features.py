"""Pictures and classes of a dual encoder in the space they share, computed once: what heads without training build on.

Shapes: N samples, C classes, E dimensions of the shared space.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sfumato.data.pictures import Pictures
from sfumato.data.preprocess import Preprocess
from sfumato.data.table import Table
from sfumato.models.dual_encoder import DualEncoder
from sfumato.shown import Shown
from sfumato.training.inference import computed
from sfumato.training.machine import Machine


@dataclass(frozen=True)
class PrototypeFeatures:
    """Where pictures and classes lie."""

    images: NDArray[np.float32]
    """(N, E) of length 1, of the samples in the order of their table, without augmentation."""
    prototypes: NDArray[np.float32]
    """(C, E) of length 1."""
    scale: float
    """What a cosine is multiplied by to be a logit."""
    midpoint: float | None
    """The cosine at which a class is as likely as not; None where a picture is of one class."""

    @property
    def logits(self) -> NDArray[np.float32]:
        """(N, C) of the dual encoder as it is."""
        return (self.scale * (self.images @ self.prototypes.T - (self.midpoint or 0.0))).astype(np.float32)


@torch.no_grad()
def prototype_features(
    model: DualEncoder, table: Table, preprocess: Preprocess, machine: Machine, workers: int, pictures: Pictures
) -> PrototypeFeatures:
    """Look at each picture of a table once, and at each text of the classes unless they were read before.

    Args:
        model: Put in evaluation mode, and left in that.
        table: Samples.
        preprocess: Of validation.
        machine: Of the run.
        workers: Processes that decode.
        pictures: Decoded before, if any.
    """
    model.to(machine.device).eval()

    def directions(shown: Tensor | Shown) -> Tensor:
        return model.head.directions(model.features(shown))

    prototypes = model.prototypes().float().cpu().numpy()
    images = computed(directions, prototypes.shape[1], table, preprocess, machine, workers, pictures)
    midpoint = None if model.head.midpoint is None else float(model.head.midpoint)
    return PrototypeFeatures(images, prototypes, float(model.head.log_scale.exp()), midpoint)
