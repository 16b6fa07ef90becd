"""The loss of a task whose images may be of any number of its classes: one term a label and image."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sfumato.data.mixing import labelled
from sfumato.losses.loss import Multilabel
from sfumato.losses.prototype_contrast import PrototypeContrastSpec
from sfumato.losses.reduce import weigh_labels
from sfumato.training.settings import Settings


class MultilabelLoss:
    """The settings' loss, for labels of known counts; a target of nan is a label that is not known, and left out.

    Args:
        membership: (N, C) of the training samples: 1 = of the class, 0 = not, below 0 = not known.
        device: Where to compute.
    """

    def __init__(self, membership: NDArray[np.int64], device: torch.device) -> None:
        self.columns = self.classes = membership.shape[1]
        there, absent = (membership == 1).sum(axis=0), (membership == 0).sum(axis=0)
        self._odds = torch.from_numpy((absent / np.maximum(1, there)).astype(np.float32)).to(device)

    def targets(self, answers: Tensor) -> Tensor:
        """(B, C) 1, 0 or below 0 (not known) -> (B, C) probabilities, nan where they are not known."""
        return labelled(answers)

    def factors(self, targets: Tensor, settings: Settings, total: Callable[[Tensor], Tensor]) -> Tensor:  # noqa: ARG002
        """(B, C) under which the terms of a batch add up to their mean over the labels that are known.

        Args:
            targets: (B, C) probabilities, mixed.
            settings: Of the step; not asked.
            total: Mean over the processes that share a batch, () -> ().
        """
        return weigh_labels(targets, total)

    def smoothed(self, targets: Tensor, smoothing: float) -> Tensor:
        """(1 - smoothing) * q + smoothing / 2: as of one class of two."""
        return targets * (1 - smoothing) + smoothing / 2

    def terms(self, logits: Tensor, targets: Tensor, settings: Settings) -> Tensor:
        """(B, C) terms of (B, C) logits and probabilities; 0 where a label is not known."""
        if not isinstance(settings.loss, Multilabel):
            raise TypeError("refused before training")
        loss = settings.loss
        asked = targets if isinstance(loss, PrototypeContrastSpec) else targets.nan_to_num()
        terms = loss.label_terms(logits, asked, self._odds)
        return terms.masked_fill(targets.isnan(), 0.0)

    def hits(self, logits: Tensor, targets: Tensor) -> Tensor:
        """(B,) share of an image's known labels that are named as they are, at a probability of one half.

        Of a mixed image a label counts as far as it was mixed in.
        """
        known = ~targets.isnan()
        right = torch.where(logits > 0, targets, 1 - targets).nan_to_num()
        return right.sum(dim=1) / known.sum(dim=1).clamp(min=1)
