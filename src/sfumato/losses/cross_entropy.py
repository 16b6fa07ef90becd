"""Cross-entropy against probabilities, with label smoothing."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def cross_entropy(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """-sum_c q_c log p_c of each sample, with q = (1 - smoothing) * target + smoothing / C.

    Szegedy et al., Rethinking the Inception Architecture, CVPR 2016, section 7; equal to torch's `cross_entropy` with
    `label_smoothing` and without class weights.

    Args:
        logits: (B, C).
        targets: (B, C) probabilities, each row summing to 1.
        smoothing: 0 to below 1.

    Returns:
        (B,) float32 losses in nats.
    """
    soft = targets * (1 - smoothing) + smoothing / logits.shape[1]
    return -(soft * F.log_softmax(logits, dim=1, dtype=torch.float32)).sum(dim=1)
