"""Distillation: what a recipe says of a teacher, and what the teacher says of the training pictures."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from sfumato.data.loading import Batch
from sfumato.spec import Spec


class DistillSpec(Spec):
    """A finished bundle that teaches this training: Hinton, Vinyals and Dean 2015."""

    teacher: Annotated[str, Field(min_length=1)]
    """Folder of a bundle, or of a run; of several networks too. Its classes are those of the data, in any order."""
    temperature: Annotated[float, Field(gt=0, le=100)] = 2.0
    """What both scores are divided by before they are compared: the higher, the more the unlikely classes tell."""
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the loss that is the teacher's; the rest is the labels'. 1 = these do not count."""
    sees: Literal["picture", "views"] = "picture"
    """What the teacher is shown, once, before training: each `picture` as it is; or all its augmented `views`, of which
    `augment.views` says how many there are, so that teacher and student speak of the same one."""
    features: Annotated[float, Field(gt=0)] | None = None
    """Weight of half the squared distance between the teacher's features, at length 1, and a learnt projection of the
    student's (FitNets, Romero et al. 2015); the teacher is then one network. None = features are left alone."""


@dataclass(frozen=True)
class Teaching:
    """What a teacher says of V views of the N training images."""

    logits: NDArray[np.float32]
    """(V, N, C) scores, in the order of the student's classes; may lie on disk."""
    features: NDArray[np.float32] | None = None
    """(V, N, D) features of length 1; None = they are not asked for."""

    def answers(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """(B, C) scores and (B, D) features for a batch, on its device."""
        device = batch.targets.device
        features = None if self.features is None else self._of(self.features, batch).to(device)
        return self._of(self.logits, batch).to(device), features

    def _of(self, kept: NDArray[np.float32], batch: Batch) -> Tensor:
        views = list(batch.epochs) if len(kept) > 1 else [0] * len(batch.rows)
        return torch.from_numpy(np.asarray(kept[views, list(batch.rows)]))
