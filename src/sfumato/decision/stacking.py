"""Stacking: a multinomial logistic regression on the log-probabilities of several models.

The score of a class is a weighted sum of what the members say of that class, plus a bias. All classes share a member's
weight, or each has its own; which, and how hard weights are pulled to the equal geometric mean, inner folds choose. A
full matrix, a weight for what each member says of every other class, is left out: for two classes it is the same as a
weight a class, and for many it overfits (Guo et al., On Calibration of Modern Neural Networks, ICML 2017, table 1,
matrix against vector scaling).

Shapes: M members, N samples, C classes, K weights a member (1 or C).
"""

from dataclasses import dataclass
from itertools import product
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.fusion import Fusion

Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]

INNER_FOLDS = 3
PENALTIES = (1.0, 10.0, 100.0)
"""Nats that a weight costs which is 1 off its mean; with many samples none of them matters."""
_CHOOSING_ROWS = 5_000
"""At most so many samples choose; all fit."""
_STEPS, _ROUGHLY = 200, 1e-5
"""At most so many steps; and the tolerance that is enough to tell forms apart."""


@dataclass(frozen=True)
class Form:
    """What inner folds choose."""

    by_class: bool
    """Whether each class has its own weights."""
    penalty: float
    """One of PENALTIES."""


FORMS = tuple(Form(by_class, penalty) for by_class, penalty in product((False, True), reversed(PENALTIES)))
"""The simplest first, which is taken where others are no better."""


def fit_stacked(log_p: Floats, truth: Integers) -> Fusion:
    """The regression of (N,) class indices on (M, N, C) log-probabilities, its form chosen by inner folds of them."""
    return fit_form(log_p, truth, _chosen(log_p, truth))


def fit_form(log_p: Floats, truth: Integers, form: Form, tolerance: float = 1e-8) -> Fusion:
    """The regression of one form: least cross-entropy plus penalty x squared distance from the equal geometric mean.

    It is convex and smooth, so L-BFGS finds its only minimum (Liu and Nocedal, Mathematical Programming 1989); it ends
    where a step gains less than `tolerance` nats a sample.
    """
    from scipy import optimize  # half a second that most of the program never needs

    members, _, classes = log_p.shape
    start = np.zeros(members * (classes if form.by_class else 1) + classes)
    start[:-classes] = 1 / members
    found = optimize.minimize(
        lambda at: _loss(at, start, log_p, truth, form.penalty), start, jac=True, method="L-BFGS-B",
        options={"maxiter": _STEPS, "ftol": tolerance},
    )  # fmt: skip
    best = cast(Doubles, cast(Any, found).x)
    weights = tuple(tuple(row) for row in best[:-classes].reshape(members, -1).tolist())
    return Fusion("stacked", weights, tuple(best[-classes:].tolist()), len(truth), form.penalty)


def _chosen(log_p: Floats, truth: Integers, seed: int = 0) -> Form:
    """The form of least cross-entropy over inner folds."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(truth))[:_CHOOSING_ROWS]
    rows = rows[np.argsort(truth[rows], kind="stable")]
    fold = np.arange(len(rows)) % INNER_FOLDS  # in the order of the classes, so each stands in every fold
    losses = np.zeros(len(FORMS))
    for held in range(INNER_FOLDS):
        fit, test = rows[fold != held], rows[fold == held]
        for place, form in enumerate(FORMS):
            fusion = fit_form(log_p[:, fit], truth[fit], form, _ROUGHLY)
            losses[place] += _cross_entropy(fusion.fuse(list(log_p[:, test].astype(np.float32))), truth[test])
    return FORMS[int(np.argmin(losses))]


def _loss(at: Doubles, start: Doubles, log_p: Floats, truth: Integers, penalty: float) -> tuple[float, Doubles]:
    """Loss and gradient; the mean over samples, so that its tolerance means the same whatever N."""
    members, samples, classes = log_p.shape
    weights, bias = at[:-classes].reshape(members, -1).astype(log_p.dtype), at[-classes:].astype(log_p.dtype)
    z = weights[0] * log_p[0] + bias
    for weight, said in zip(weights[1:], log_p[1:], strict=True):
        z += weight * said
    loss = _cross_entropy(z, truth)  # leaves the probabilities in z
    z[np.arange(samples), truth] -= 1
    by_class = np.array([_column_sums(z * said) for said in log_p])
    slope = np.concatenate([(by_class if weights.shape[1] > 1 else by_class.sum(axis=1)).ravel(), _column_sums(z)])
    off = at - start
    return (loss + penalty * float(off @ off)) / samples, (slope + 2 * penalty * off) / samples


def _cross_entropy(z: Floats, truth: Integers) -> float:
    """Sum of -log p of the truth in nats; (N, C) scores become probabilities in place."""
    z -= z.max(axis=1, keepdims=True)
    true = z[np.arange(len(truth)), truth].sum(dtype=np.float64)
    np.exp(z, out=z)
    total = z.sum(axis=1, keepdims=True)
    z /= total
    return float(np.log(total).sum(dtype=np.float64) - true)


def _column_sums(array: Floats) -> Doubles:
    """(C,) sums of (N, C), by the library for matrices: it adds in blocks, so single precision loses little."""
    return (np.ones(len(array), dtype=array.dtype) @ array).astype(np.float64)
