"""Weights of a mixture, shared by all classes or each class's own. Shapes: M members, N samples, C classes."""

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.fusion.fusion import Fusion, Sharing, chances
from sfumato.decision.fusion.inner_folds import best_form
from sfumato.decision.fusion.simplex import best_weights, weights_near
from sfumato.decision.shrinkage import SHRINKAGE, trust
from sfumato.metrics.membership import Truth, answered, members

Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]


def fit_weighted(said: Floats, truth: Truth, sharing: Sharing = "auto", groups: Integers | None = None) -> Fusion:
    """The mixture of (M, N, C) that makes the truth likeliest; `auto` lets inner folds choose, as `best_form` does.

    Two classes that exclude each other are told apart by one probability, so their weights are always shared.
    """
    forms = {"auto": (False, True), "shared": (False,), "by_class": (True,)}[sharing]
    if truth.ndim == 1 and said.shape[2] < 3:
        forms = (False,)
    return fit_mixture(said, truth, best_form(forms, fit_mixture, said, truth, groups))


def fit_mixture(said: Floats, truth: Truth, by_class: bool, shrinkage: float = SHRINKAGE) -> Fusion:
    """Weights on the grid of the simplex; those of a class are found by the class against all others.

    Of a class with n samples n / (n + shrinkage) is its own and the rest what all classes share: a point between two of
    the simplex lies on it too. A class without a sample has the shared weights.

    Args:
        said: (M, N, C), N at least 1.
        truth: As in `membership`; what is not known of a sample fits nothing.
        by_class: Whether each class has its own.
        shrinkage: k, at least 0.
    """
    shared = best_weights(_of_truth(said, truth))
    rows = _own_weights(shared, said, truth, shrinkage) if by_class else shared[:, None]
    weights = tuple(tuple(row) for row in rows.tolist())
    return Fusion("weighted", weights, samples=len(truth), exclusive=truth.ndim == 1)


def _own_weights(shared: Doubles, said: Floats, truth: Truth, shrinkage: float) -> Doubles:
    """(M, C) of each class, shrunk."""
    there, known = (of(truth, said.shape[2]) for of in (members, answered))
    columns = ((said[:, known[:, c], c], there[known[:, c], c]) for c in range(there.shape[1]))
    own = np.stack([_class_weights(shared, *column, exclusive=truth.ndim == 1) for column in columns])
    weight = trust(there.sum(axis=0), shrinkage)[:, None]
    return (weight * own + (1 - weight) * shared).T


def _class_weights(shared: Doubles, said: Floats, there: NDArray[np.bool_], *, exclusive: bool) -> Doubles:
    """(M,) of one class, of the (M, N) that is said of it; found from the shared weights on."""
    p = chances(said.astype(np.float64), exclusive=exclusive)
    return weights_near(shared, np.where(there, p, 1 - p)) if there.any() else shared


def _of_truth(said: Floats, truth: Truth) -> Doubles:
    """(M, N) probability that each member gives the true class; or of each class alone (M, P) what is known of it."""
    if truth.ndim == 1:
        return np.exp(said[:, np.arange(len(truth)), truth].astype(np.float64))
    p = chances(said.astype(np.float64), exclusive=False)
    return np.where(truth == 1, p, 1 - p)[:, answered(truth, said.shape[2])]
