"""Pictures and classes of a dual encoder in the space they share, computed once: what heads without training build on.

Shapes: N samples, C classes, E dimensions of the shared space.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sfumato.data.table import Table
from sfumato.models.dual_encoder import DualEncoder
from sfumato.training.features import plain_features
from sfumato.training.job import Job


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
def prototype_features(job: Job, table: Table) -> PrototypeFeatures:
    """Look at each picture of a table once, unless its features are kept, and at each text of the classes.

    The job's model, a dual encoder, is put in evaluation mode, and left in that.
    """
    model = job.model.to(job.machine.device).eval()
    assert isinstance(model, DualEncoder)  # others have no texts of classes
    prototypes = model.prototypes().float().cpu().numpy()
    images = model.head.directions(plain_features(job, table)).float().cpu().numpy()
    midpoint = None if model.head.midpoint is None else float(model.head.midpoint)
    return PrototypeFeatures(images, prototypes, float(model.head.log_scale.exp()), midpoint)
