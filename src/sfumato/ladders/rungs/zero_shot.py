"""Zero-shot: no picture is learnt from; a class is what its texts say.

Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021, section 3.1.
Logits are scale * f T. Where a picture may be of several classes these rank the pictures of each class; how high they
must be to name it calibration and thresholds find.
"""

from collections.abc import Iterator

import torch

from sfumato.ladders.rungs.rung import Rung
from sfumato.ladders.rungs.shots import Fitted, Shots


def fit_zero_shot(shots: Shots) -> Fitted:
    """The vectors of the texts."""
    weight = shots.scale * shots.prototypes_ce
    return Fitted(weight, torch.zeros(len(weight), dtype=weight.dtype))


def _fit(shots: Shots) -> Iterator[Fitted]:
    yield fit_zero_shot(shots)


ZERO_SHOT = Rung("zero_shot", "zero-shot", _fit)
