"""What rungs are fitted on, and what they come to.

Shapes: N pictures, C classes, E dimensions of the space that pictures and texts share, M pictures in a cache.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


@dataclass(frozen=True)
class Shots:
    """Pictures whose classes are known, and what the texts of the classes say."""

    features_ne: Tensor
    """(N, E) float64, each of length 1; N at least 1."""
    truth_nc: Tensor
    """(N, C) float64: 1 where a picture is of a class, 0 where not, below 0 where that is not known."""
    prototypes_ce: Tensor
    """(C, E) float64 of length 1: the class's texts."""
    scale: float
    """What a cosine is multiplied by: one over the temperature."""
    exclusive: bool
    """Whether each picture is of one class, and classes compete in a softmax; else each has its own sigmoid."""
    bias: float = 0.0
    """What the model adds to every logit where classes do not compete: minus the scale times its midpoint."""

    @property
    def bias_c(self) -> Tensor:
        """(C,) the same for each class."""
        return torch.full_like(self.prototypes_ce[:, 0], self.bias)

    @property
    def there_nc(self) -> Tensor:
        """(N, C) 1 where a picture is known to be of a class, else 0."""
        return (self.truth_nc > 0).double()

    @property
    def similarity_nc(self) -> Tensor:
        """(N, C) cosines between pictures and texts."""
        return self.features_ne @ self.prototypes_ce.T

    @property
    def steepness(self) -> float:
        """The greatest eigenvalue of the features' second moments: the loss bends by no more along class vectors.

        Times 1/2 for a softmax, whose diag(p) - p pT is at most I / 2 (Boehning, Annals of the Institute of
        Statistical Mathematics 1992), and 1/4 for sigmoids, whose p (1 - p) is at most 1/4.
        """
        moments = self.features_ne.T @ self.features_ne / self.answers
        return self.bend * float(cast(Tensor, torch.linalg.eigvalsh(moments))[-1])

    @property
    def bend(self) -> float:
        """The greatest curvature of the loss of one picture in its logits."""
        return 0.5 if self.exclusive else 0.25

    @property
    def answers(self) -> float:
        """What the sum of the losses is divided by: pictures, or known pairs of a picture and a class."""
        return len(self.truth_nc) if self.exclusive else max(1.0, float((self.truth_nc >= 0).sum()))

    def loss(self, logits_nc: Tensor) -> Tensor:
        """() mean cross-entropy in nats: of a picture, or of each known pair of a picture and a class."""
        if self.exclusive:
            return F.cross_entropy(logits_nc, self.there_nc)
        known = self.truth_nc >= 0
        return F.binary_cross_entropy_with_logits(logits_nc[known], self.truth_nc[known])


class Keys:
    """(M, E) features of length 1; cosines to the last pictures asked for are kept, for the next setting that asks."""

    def __init__(self, keys_me: Tensor) -> None:
        self.keys_me = keys_me
        self._asked: Tensor | None = None
        self._said = keys_me

    def cosines(self, features_ne: Tensor) -> Tensor:
        """(N, E) of length 1 -> (N, M)."""
        if self._asked is not features_ne:
            self._asked, self._said = features_ne, features_ne @ self.keys_me.T
        return self._said


@dataclass(frozen=True)
class Cache:
    """Pictures that are remembered."""

    keys: Keys
    values_mc: Tensor
    """(M, C) 1 where the picture is known to be of the class, else 0."""
    share: float
    """As in `AdaptedHeadSpec`."""
    sharpness: float
    """As in `AdaptedHeadSpec`."""

    def logits(self, features_ne: Tensor) -> Tensor:
        """(N, E) of length 1 -> (N, C) what is added to the logits."""
        near_nm = torch.exp(-self.sharpness * (1 - self.keys.cosines(features_ne)))
        return self.share * near_nm @ self.values_mc


@dataclass(frozen=True)
class Fitted:
    """What a rung came to; as a module of a network `models.adapted_head.AdaptedHead`."""

    weight_ce: Tensor
    """(C, E) vectors of the classes, the scale in them."""
    bias_c: Tensor
    """(C,) logits of a picture like none of them; 0 where classes exclude each other."""
    cache: Cache | None = None
    settings: Mapping[str, float] = field(default_factory=dict[str, float])
    """What was chosen, by name."""

    def logits(self, features_ne: Tensor) -> Tensor:
        """(N, E) of length 1 -> (N, C)."""
        plain = features_ne @ self.weight_ce.T + self.bias_c
        return plain if self.cache is None else plain + self.cache.logits(features_ne)
