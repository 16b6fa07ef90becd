"""Cross-entropy of fused scores, for either form of truth. Shapes: N samples, C classes.

Of classes that exclude each other scores become probabilities by a softmax, of others each by a sigmoid. Where it is
not known whether a sample is of one of several classes, that costs nothing and moves nothing.
"""

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.membership import Truth
from sfumato.predictions import UNKNOWN

Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]


def cross_entropy(z: Floats, truth: Truth) -> float:
    """Sum of -log p of what is so, in nats; the (N, C) scores become probabilities in place."""
    return _of_each(z, truth) if truth.ndim == 2 else _of_one(z, truth)


def losses(z: Floats, truth: Truth) -> Doubles:
    """(N,) -log p of what is so of each sample, in nats, from (N, C) scores; where classes are on their own, summed."""
    scores = z.astype(np.float64)
    if truth.ndim == 2:
        costs = np.logaddexp(0, np.where(truth == 1, -scores, scores))
        return np.where(truth == UNKNOWN, 0.0, costs).sum(axis=1)
    top = scores.max(axis=1, initial=-np.inf)
    return top + np.log(np.exp(scores - top[:, None]).sum(axis=1)) - scores[np.arange(len(truth)), truth]


def less_truth(p: Floats, truth: Truth) -> Floats:
    """(N, C) slope of the sum by the scores: probabilities, as `cross_entropy` leaves them, less truth, in place."""
    if truth.ndim == 2:
        p -= truth == 1
        p[truth == UNKNOWN] = 0
    else:
        p[np.arange(len(truth)), truth] -= 1
    return p


def column_sums(array: Floats) -> Doubles:
    """(C,) sums of (N, C), by the library for matrices: it adds in blocks, so single precision loses little."""
    return (np.ones(len(array), dtype=array.dtype) @ array).astype(np.float64)


def _of_one(z: Floats, truth: Truth) -> float:
    z -= z.max(axis=1, keepdims=True)
    true = z[np.arange(len(truth)), truth].sum(dtype=np.float64)
    np.exp(z, out=z)
    total = z.sum(axis=1, keepdims=True)
    z /= total
    return float(np.log(total).sum(dtype=np.float64) - true)


def _of_each(z: Floats, truth: Truth) -> float:
    small = np.exp(-np.abs(z))
    costs = np.maximum(z, 0) - z * (truth == 1) + np.log1p(small)
    costs[truth == UNKNOWN] = 0
    loss = costs.sum(dtype=np.float64)
    z[:] = np.where(z < 0, small, 1) / (1 + small)
    return float(loss)
