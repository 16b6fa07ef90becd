"""Distillation: a teacher's answers, softened, as what a student is to say beside its labels."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def softened(logits: Tensor, temperature: float) -> Tensor:
    """(B, C) scores -> (B, C) probabilities of the scores divided by the temperature, above 0; 1 leaves them alone."""
    return F.softmax(logits.float() / temperature, dim=1)


def distilled_terms(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """T^2 q_c (log q_c - log p_c) of each class, p being the student's softened probabilities: (B, C), in nats.

    Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015, section 2: slopes shrink by 1 / T^2,
    so the square keeps the share of soft and hard targets what it was when T changes. The sum over the classes is T^2
    KL(teacher || student), which is 0 where both agree; it differs from the paper's cross-entropy by a constant.

    Args:
        logits: (B, C) of the student.
        taught: (B, C) probabilities of the teacher at the same temperature, mixed where pictures were.
        temperature: T, above 0.
    """
    log_p = F.log_softmax(logits.float() / temperature, dim=1)
    return temperature**2 * (torch.xlogy(taught, taught) - taught * log_p)
