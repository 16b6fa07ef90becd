"""The loss of one task: one term a class and image, and how much each counts."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sfumato.losses.class_weights import ClassWeights, class_weights
from sfumato.losses.reduce import weigh
from sfumato.losses.tail_focal import TailFocalSpec
from sfumato.training.settings import Settings


class TaskLoss:
    """The settings' loss, for a task of known class counts.

    Args:
        counts: (C,) training images of each class.
        names: The C classes.
        device: Where to compute.
    """

    def __init__(self, counts: NDArray[np.int64], names: Sequence[str], device: torch.device) -> None:
        self.classes = len(names)
        self._counts = torch.from_numpy(counts.astype(np.float32)).to(device)
        self._names = names
        self._weights: dict[int, tuple[ClassWeights, Tensor]] = {}

    def factors(self, targets: Tensor, settings: Settings, total: Callable[[Tensor], Tensor]) -> Tensor:
        """(B, C) under which the terms of a batch add up to its mean loss, over the images with an answer.

        Args:
            targets: (B, C) probabilities, mixed; a row of zeros is an image without an answer.
            settings: Of the step.
            total: Mean over the processes that share a batch, () -> ().
        """
        loss, spec = settings.loss, settings.class_weights
        ones = torch.ones(len(targets), device=targets.device)
        samples = loss.sample_weights(targets, self._counts) if isinstance(loss, TailFocalSpec) else ones
        weights = torch.ones_like(self._counts) if spec is None else self._class_weights(spec)
        return weigh(targets, weights, samples, "samples" if spec is None else spec.mean_over, total)

    def terms(self, logits: Tensor, targets: Tensor, settings: Settings) -> Tensor:
        """(B, C) terms of (B, C) logits and probabilities, smoothed too."""
        return settings.loss.terms(logits, targets, self._counts)

    def _class_weights(self, spec: ClassWeights) -> Tensor:
        key = id(spec)  # a plan gives the same object at every step
        if key not in self._weights:
            weights = class_weights(spec, self._counts.cpu(), self._names)
            self._weights[key] = spec, weights.to(self._counts.device)  # while it is kept, nothing else has its id
        return self._weights[key][1]
