"""What a decoder is taught: to write the classes of a picture one after another, and none of them again.

Shapes: B samples, T steps, C classes.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sfumato.losses.sequence import coverage_losses, sequence_losses
from sfumato.models.cnn_rnn.decoder import Decoder
from sfumato.models.cnn_rnn.decoder_spec import DecoderSpec
from sfumato.training.label_order import aligned, named_freely, ranks, written
from sfumato.training.settings import Settings


class SequenceLoss:
    """The loss of a decoder.

    Args:
        decoder: Part of the network that is trained.
        spec: What it was built from.
        counts: (C,) training samples of each class.
        device: Where to compute.
    """

    def __init__(self, decoder: Decoder, spec: DecoderSpec, counts: NDArray[np.int64], device: torch.device) -> None:
        self._decoder = decoder
        self._spec = spec
        self._ranks = ranks(counts, rare_first=spec.order == "rare").to(device)

    def losses(self, features: Tensor, answers: Tensor, settings: Settings) -> Tensor:
        """(B,) weighted losses; 0 for a sample of which not every class is known.

        Args:
            features: (B, D).
            answers: (B, C) 1, 0, or below 0 = not known.
            settings: Of the step: `teacher_forcing` and `label_smoothing`.
        """
        there = answers == 1
        targets = written(there, self._places(features.detach(), there), self._decoder)
        scores = self._taught(features, targets, settings.teacher_forcing)
        losses = self._spec.sequence_weight * sequence_losses(scores, targets, settings.label_smoothing)
        if self._spec.coverage_weight:
            shares = scores.softmax(dim=2)[..., : self._decoder.classes]
            losses = losses + self._spec.coverage_weight * coverage_losses(shares, targets <= self._decoder.end)
        return losses * (answers >= 0).all(dim=1)

    def _places(self, features: Tensor, there: Tensor) -> Tensor:
        """(B, C) or (C,) by which the classes of each sample are ordered."""
        if self._spec.order in ("freq", "rare"):
            return self._ranks
        if self._spec.order == "random":
            return torch.rand(there.shape, device=there.device)
        most = int(there.sum(dim=1).max())
        if most > self._decoder.longest or most == 0:
            return self._ranks  # a dry batch may be of more classes than any sample is
        log_p, chosen = named_freely(self._decoder, features, most)
        return aligned(log_p, chosen, there, keep=self._spec.order == "pla")

    def _taught(self, features: Tensor, targets: Tensor, forcing: float) -> Tensor:
        """(B, T, C + 1) scores, each step shown what should have stood before it, or by chance what it named there.

        Bengio et al., Scheduled Sampling for Sequence Prediction, NeurIPS 2015; `forcing` is their epsilon.
        """
        decoder = self._decoder
        state, last = decoder.start(len(features), features), torch.full_like(targets[:, 0], decoder.begin)
        found = list[Tensor]()
        for target in targets.T:
            scores, state = decoder.step(last, features, state)
            found.append(scores)
            last = target
            if forcing < 1:
                own = scores.detach()[:, : decoder.classes].argmax(dim=1)
                last = target.where(torch.rand(len(target), device=target.device) < forcing, own)
        return torch.stack(found, dim=1)
