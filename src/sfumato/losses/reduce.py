"""From one loss a sample to the one number that is differentiated; nothing else averages losses."""

from torch import Tensor


def reduce(losses: Tensor, samples: float) -> Tensor:
    """Sum of (B,) losses over `samples`, the size of the whole step: pieces and processes then add up to its mean."""
    return losses.sum() / samples
