"""What is minimised at a step: the settings' loss, weighed by class, and the centre loss beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sfumato.losses.centre import Centres
from sfumato.losses.class_weights import ClassWeights, class_weights
from sfumato.losses.cross_entropy import smoothed
from sfumato.losses.reduce import reduce, weigh
from sfumato.losses.tail_focal import TailFocalSpec
from sfumato.training.settings import Settings


@dataclass(frozen=True)
class Wanted:
    """What a batch of B images should be answered with."""

    classes: Tensor
    """(B,) indices before mixing; below 0 = unknown."""
    targets: Tensor
    """(B, C) probabilities, mixed and smoothed."""
    factors: Tensor
    """(B, C) under which the terms of the batch add up to its mean loss."""
    share: float
    """Images of the whole step over its processes."""

    def pieces(self, count: int) -> "list[Wanted]":
        """The same batch in pieces, whose losses add up to its own."""
        classes, targets, factors = (t.tensor_split(count) for t in (self.classes, self.targets, self.factors))
        return [Wanted(*part, self.share) for part in zip(classes, targets, factors, strict=True)]


class Criterion:
    """The loss of batches, for training images of known class counts.

    Args:
        counts: (C,) training images of each class.
        names: The C classes.
        device: Where to compute.
        total: Mean over the processes that share a batch, () -> ().
    """

    def __init__(
        self,
        counts: NDArray[np.int64],
        names: Sequence[str],
        device: torch.device,
        total: Callable[[Tensor], Tensor],
    ) -> None:
        self.centres: Centres | None = None
        self._counts = torch.from_numpy(counts.astype(np.float32)).to(device)
        self._names = names
        self._total = total
        self._weights: dict[int, tuple[ClassWeights, Tensor]] = {}

    def want(self, classes: Tensor, targets: Tensor, settings: Settings, share: float) -> Wanted:
        """Smooth and weigh a batch.

        Args:
            classes: (B,) indices before mixing.
            targets: (B, C) probabilities, mixed.
            settings: Of the step.
            share: Images of the whole step over its processes.
        """
        loss, spec = settings.loss, settings.class_weights
        ones = torch.ones(len(targets), device=targets.device)
        samples = loss.sample_weights(targets, self._counts) if isinstance(loss, TailFocalSpec) else ones
        weights = torch.ones_like(self._counts) if spec is None else self._class_weights(spec)
        factors = weigh(targets, weights, samples, "samples" if spec is None else spec.mean_over, self._total)
        return Wanted(classes, smoothed(targets, settings.label_smoothing), factors, share)

    def __call__(self, features: Tensor, logits: Tensor, wanted: Wanted, settings: Settings) -> Tensor:
        """() loss of a piece of a batch: (B, D) features, (B, C) logits."""
        loss = reduce(settings.loss.terms(logits, wanted.targets, self._counts), wanted.factors)
        if settings.centre_loss is None or self.centres is None:
            return loss
        return loss + self.centres.losses(features, wanted.classes, settings.centre_loss).sum() / wanted.share

    def _class_weights(self, spec: ClassWeights) -> Tensor:
        key = id(spec)  # a plan gives the same object at every step
        if key not in self._weights:
            weights = class_weights(spec, self._counts.cpu(), self._names)
            self._weights[key] = spec, weights.to(self._counts.device)  # while it is kept, nothing else has its id
        return self._weights[key][1]
