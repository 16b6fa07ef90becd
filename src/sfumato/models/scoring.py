"""What a network says of images in one look: logits and, beside them, how familiar their features are.

Shapes: B batch, C classes, D features, T tasks whose familiarity is measured, none where nothing asks for it.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sfumato.models.network import Network
from sfumato.shown import Shown


class Familiar(Protocol):
    """Knows the features of training pictures."""

    def familiarity(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N,) of (N, D), more meaning more familiar."""
        ...


def scored(model: Network, shown: Tensor | Shown, references: Sequence[Familiar]) -> Tensor:
    """(B, C + T) float32 of B inputs: the logits, then what each reference says of the head's input.

    The model computes once; without references these are its logits. A picture whose features are not finite has a
    familiarity that is no number.
    """
    features, logits = model(shown)
    if not references:
        return logits
    familiar = familiarities(model.completed(features).float().cpu().numpy(), references)
    return torch.cat([logits, torch.from_numpy(familiar).to(logits.device)], dim=1)


def familiarities(seen: NDArray[np.float32], references: Sequence[Familiar]) -> NDArray[np.float32]:
    """(B, T) what each reference says of (B, D), the head's input; no number where that is not finite."""
    fine = np.isfinite(seen).all(axis=1)
    familiar = np.full((len(seen), len(references)), np.nan, dtype=np.float32)
    familiar[fine] = np.stack([reference.familiarity(seen[fine]) for reference in references], axis=1)
    return familiar
