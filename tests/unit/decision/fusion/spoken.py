"""Members made up for tests of fusion: what they say of each sample, and what is so."""

import numpy as np
from scipy import special


def independent(strengths, samples: int = 600, classes: int = 3, seed: int = 0):
    """(M, N, C) honest log-probabilities of members that see the truth more or less well, each for itself."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, samples)
    z = rng.normal(size=(len(strengths), samples, classes))
    for member, strength in enumerate(strengths):
        z[member] *= strength
        z[member, np.arange(samples), truth] += strength**2
    return special.log_softmax(z, axis=2).astype(np.float32), truth


def exclusive_or(samples: int, seed: int = 0, strength: float = 2.0):
    """Two members of two classes; the truth is 1 where what they look at differs, so neither knows anything alone."""
    rng = np.random.default_rng(seed)
    seen = rng.integers(0, 2, (2, samples))
    z = rng.normal(size=(2, samples, 2))
    np.put_along_axis(z, seen[:, :, None], np.take_along_axis(z, seen[:, :, None], 2) + strength, 2)
    return special.log_softmax(z, axis=2).astype(np.float32), seen[0] ^ seen[1]


def specialists(samples: int, seed: int = 0, strength: float = 2.0):
    """Two members of four labels, any number a sample; each sees two of them, and guesses at the others' frequency."""
    rng = np.random.default_rng(seed)
    there = rng.random((samples, 4)) < [0.5, 0.3, 0.3, 0.1]
    prior = np.log([1, 3 / 7, 3 / 7, 1 / 9])
    sees = np.array([[1, 1, 0, 0], [0, 0, 1, 1]])[:, None] * strength
    z = rng.normal(size=(2, samples, 4)) + sees * (there - 0.5)
    return (sees * z + prior).astype(np.float32), there


def loss(fused, truth):
    """(N,) -log p of what is so, in nats."""
    if truth.ndim == 2:
        return np.logaddexp(0, np.where(truth, -fused, fused).astype(np.float64)).sum(axis=1)
    return -special.log_softmax(fused.astype(np.float64), axis=1)[np.arange(len(truth)), truth]
