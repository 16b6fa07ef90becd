"""From one term a class and sample to the one number that is differentiated; nothing else weighs or averages losses."""

from collections.abc import Callable

from torch import Tensor

from sfumato.losses.class_weights import MeanOver


def weigh(
    targets: Tensor,
    class_weights: Tensor,
    sample_weights: Tensor,
    mean_over: MeanOver,
    total: Callable[[Tensor], Tensor],
) -> Tensor:
    """(B, C) factors under which the sum of a batch's terms is its mean loss.

    Over `weights` the mean is that of torch's `cross_entropy(weight=)`: every sample's sum is weighed by its class, and
    the sum of those weights is what is divided by. Pieces of a batch add up to the mean of the whole.

    Args:
        targets: (B, C) probabilities, of the whole batch; a row of zeros is a sample of unknown class, and left out.
        class_weights: (C,).
        sample_weights: (B,).
        mean_over: The weights, or the samples.
        total: A batch's figure, () -> (), as a mean over the processes that share it.
    """
    per_sample = targets * class_weights if mean_over == "weights" else targets
    whole = total(per_sample.sum()).clamp(min=1e-12)
    return sample_weights[:, None] * class_weights / whole


def weigh_labels(targets: Tensor, total: Callable[[Tensor], Tensor]) -> Tensor:
    """(B, C) factors under which the sum of a batch's terms is their mean over the labels that are known.

    Args:
        targets: (B, C) probabilities, of the whole batch; nan where a label is not known.
        total: As in `weigh`.
    """
    known = (~targets.isnan()).float()
    return known / total(known.sum()).clamp(min=1e-12)


def reduce(terms: Tensor, factors: Tensor) -> Tensor:
    """() sum of (B, C) terms under the factors of `weigh`."""
    return (terms * factors).sum()
