"""The loss of one task with one class an image: one term a class and image, and how much each counts."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sfumato.data.mixing import one_hot
from sfumato.losses.class_weights import ClassWeights, class_weights
from sfumato.losses.cross_entropy import smoothed
from sfumato.losses.element_margin import ElementMarginSpec
from sfumato.losses.loss import OneClass
from sfumato.losses.reduce import weigh
from sfumato.losses.tail_focal import TailFocalSpec
from sfumato.training.settings import Settings


class TaskLoss:
    """The settings' loss, for a task of known class counts.

    Args:
        counts: (C,) training images of each class.
        names: The C classes.
        device: Where to compute.
        akin: (C, C) whether two classes share an element; None = no two do.
    """

    columns = 1
    """Of a batch's answers."""

    def __init__(
        self,
        counts: NDArray[np.int64],
        names: Sequence[str],
        device: torch.device,
        akin: NDArray[np.bool_] | None = None,
    ) -> None:
        self.classes = len(names)
        self._counts = torch.from_numpy(counts.astype(np.float32)).to(device)
        self._names = names
        self._akin = None if akin is None else torch.from_numpy(akin).to(device)
        self._weights: dict[int, tuple[ClassWeights, Tensor]] = {}

    def targets(self, answers: Tensor) -> Tensor:
        """(B, 1) class indices -> (B, C) probabilities; a row of zeros where no class is known."""
        return one_hot(answers[:, 0], self.classes)

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
        if not isinstance(settings.loss, OneClass):
            raise TypeError("refused before training")
        if isinstance(settings.loss, ElementMarginSpec):
            return settings.loss.terms(logits, targets, self._counts, self._akin)
        return settings.loss.terms(logits, targets, self._counts)

    def smoothed(self, targets: Tensor, smoothing: float) -> Tensor:
        """(1 - smoothing) * q + smoothing / C, as `losses.cross_entropy.smoothed`."""
        return smoothed(targets, smoothing)

    def hits(self, logits: Tensor, targets: Tensor) -> Tensor:
        """(B,) target probability of the predicted class."""
        return targets.gather(1, logits.argmax(dim=1, keepdim=True))[:, 0]

    def _class_weights(self, spec: ClassWeights) -> Tensor:
        key = id(spec)  # a plan gives the same object at every step
        if key not in self._weights:
            weights = class_weights(spec, self._counts.cpu(), self._names)
            self._weights[key] = spec, weights.to(self._counts.device)  # while it is kept, nothing else has its id
        return self._weights[key][1]
