"""Cross-entropy against probabilities."""

from typing import Literal

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from sfumato.losses.binary_cross_entropy import binary_terms
from sfumato.spec import Spec


class CrossEntropySpec(Spec):
    """Minus the logarithm of the target's probability; of each label, where an image may have several."""

    kind: Literal["cross_entropy"] = "cross_entropy"

    def terms(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:  # noqa: ARG002  # all losses are called alike
        """-q_c log p_c of each class: (B, C) logits and probabilities -> (B, C) float32, in nats."""
        return -targets * F.log_softmax(logits.float(), dim=1)

    def label_terms(self, logits: Tensor, targets: Tensor, odds: Tensor) -> Tensor:  # noqa: ARG002
        """Binary cross-entropy of each label: (B, C) logits and probabilities -> (B, C) float32, in nats."""
        return binary_terms(logits, targets)


def smoothed(targets: Tensor, smoothing: float) -> Tensor:
    """(1 - smoothing) * q + smoothing / C; a row of zeros, an unknown class, stays zeros.

    Szegedy et al., Rethinking the Inception Architecture, CVPR 2016, section 7. With cross-entropy and class weights it
    is torch's `cross_entropy(weight=, label_smoothing=)`.
    """
    if smoothing == 0:
        return targets
    return targets * (1 - smoothing) + smoothing / targets.shape[1] * targets.sum(dim=1, keepdim=True)
