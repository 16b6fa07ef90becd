"""Which of n ordered scores a promise rests on, in exact fractions: in floats 150 * (1 - 0.18) comes out above 123."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.finite import refuse_not_finite


def conformal_rank(samples: int, alpha: float) -> int:
    """ceil((n + 1)(1 - alpha)), from 1; above n where n is below 1 / alpha - 1, too few to promise anything.

    Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005, section 2.2. `alpha` is the number that
    was written, 0.1 a tenth and not the binary fraction nearest to it.
    """
    return ceil((samples + 1) * (1 - _written(alpha)))


def least_samples(alpha: float) -> int:
    """The fewest samples that promise anything: ceil(1 / alpha) - 1, 9 for 0.1, 19 for 0.05."""
    return ceil(1 / _written(alpha)) - 1


def most_below(samples: int, alpha: float) -> int:
    """floor((n + 1) alpha): a new score falls below so low a one with a chance of at most alpha; 0 = too few."""
    return floor((samples + 1) * _written(alpha))


def conformal_quantile(scores: NDArray[np.float64], alpha: float) -> float:
    """The score of (N,) that a new one exceeds with a chance of at most alpha; infinite where there are too few."""
    refuse_not_finite(scores=scores)
    rank = conformal_rank(len(scores), alpha)
    return float(np.partition(scores, rank - 1)[rank - 1]) if rank <= len(scores) else float("inf")


def _written(alpha: float) -> Fraction:
    return Fraction(repr(float(alpha)))
