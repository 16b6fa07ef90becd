"""Stacking: a logistic regression on what several models say, multinomial where classes exclude each other.

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

from sfumato.decision.fusion.cross_entropy import column_sums, cross_entropy, less_truth
from sfumato.decision.fusion.fusion import Fusion, Sharing
from sfumato.decision.fusion.inner_folds import best_form
from sfumato.metrics.membership import Truth

Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]

PENALTIES = (1.0, 10.0, 100.0)
"""Nats that a weight costs which is 1 off its mean; with many samples none of them matters."""
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


def fit_stacked(said: Floats, truth: Truth, sharing: Sharing = "auto", groups: Integers | None = None) -> Fusion:
    """The regression of the truth on (M, N, C), its form chosen by inner folds of the samples."""
    return fit_form(said, truth, chosen_form(said, truth, sharing, groups))


def chosen_form(said: Floats, truth: Truth, sharing: Sharing = "auto", groups: Integers | None = None) -> Form:
    """The form that inner folds choose, of those that `sharing` leaves open; shapes as in `best_form`."""
    forms = [form for form in FORMS if sharing == "auto" or form.by_class == (sharing == "by_class")]
    return best_form(forms, fit_roughly, said, truth, groups)


def fit_roughly(said: Floats, truth: Truth, form: Form) -> Fusion:
    """As `fit_form`, as exactly as comparing asks for."""
    return fit_form(said, truth, form, _ROUGHLY)


def fit_form(said: Floats, truth: Truth, form: Form, tolerance: float = 1e-8) -> Fusion:
    """The regression of one form: least cross-entropy plus penalty x squared distance from the equal geometric mean.

    It is convex and smooth, so L-BFGS finds its only minimum (Liu and Nocedal, Mathematical Programming 1989); it ends
    where a step gains less than `tolerance` of the loss.

    Args:
        said: (M, N, C), N at least 1.
        truth: (N,) class indices or (N, C) booleans.
        form: Which.
        tolerance: Share of the loss.
    """
    from scipy import optimize  # half a second that most of the program never needs

    members, _, classes = said.shape
    start = np.zeros(members * (classes if form.by_class else 1) + classes)
    start[:-classes] = 1 / members
    found = optimize.minimize(
        lambda at: _loss(at, start, said, truth, form.penalty), start, jac=True, method="L-BFGS-B",
        options={"maxiter": _STEPS, "ftol": tolerance},
    )  # fmt: skip
    best = cast(Doubles, cast(Any, found).x)
    weights = tuple(tuple(row) for row in best[:-classes].reshape(members, -1).tolist())
    bias = tuple(best[-classes:].tolist())
    return Fusion("stacked", weights, bias, len(truth), form.penalty, exclusive=truth.ndim == 1)


def _loss(at: Doubles, start: Doubles, said: Floats, truth: Truth, penalty: float) -> tuple[float, Doubles]:
    """Loss and gradient; the mean over samples, so that its tolerance means the same whatever N."""
    members, samples, classes = said.shape
    weights, bias = at[:-classes].reshape(members, -1).astype(said.dtype), at[-classes:].astype(said.dtype)
    z = weights[0] * said[0] + bias
    for weight, one in zip(weights[1:], said[1:], strict=True):
        z += weight * one
    loss = cross_entropy(z, truth)
    z = less_truth(z, truth)
    by_class = np.array([column_sums(z * one) for one in said])
    slope = np.concatenate([(by_class if weights.shape[1] > 1 else by_class.sum(axis=1)).ravel(), column_sums(z)])
    off = at - start
    return (loss + penalty * float(off @ off)) / samples, (slope + 2 * penalty * off) / samples
