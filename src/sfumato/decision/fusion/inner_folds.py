"""What a fusion is made like, its form, is chosen by folds inside the samples that fit it."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.dealing import deal
from sfumato.decision.fusion.cross_entropy import losses
from sfumato.decision.fusion.fusion import Fusion
from sfumato.metrics.membership import Truth

Form = TypeVar("Form")
Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]

INNER_FOLDS = 3
LEAST_UNITS = 2 * INNER_FOLDS
"""Of fewer samples, or groups of them, nothing is chosen: it is the simplest form."""
_CHOOSING_ROWS = 5_000
"""At most so many samples choose; all fit."""


def best_form(
    forms: Sequence[Form],
    fit: Callable[[Floats, Truth, Form], Fusion],
    said: Floats,
    truth: Truth,
    groups: Integers | None = None,
    seed: int = 0,
) -> Form:
    """The simplest form whose cross-entropy over inner folds, groups whole, chance can't tell from the least.

    That is, within one standard error of the paired difference (Breiman et al., Classification and Regression Trees,
    1984, 3.4.3): of forms that are about as good chance would pick any, and an idle one only overfits.

    Args:
        forms: The simplest first.
        fit: Makes a fusion of a form, of (M, n, C) and the truth of n samples.
        said: (M, N, C) what members say.
        truth: (N,) class indices or (N, C) booleans.
        groups: (N,) number of the group each sample belongs to; None = each is on its own.
        seed: Of what is drawn and dealt.
    """
    rows = np.random.default_rng(seed).permutation(len(truth))[:_CHOOSING_ROWS]
    inside = None if groups is None else groups[rows]
    if len(forms) < 2 or len(np.unique(rows if inside is None else inside)) < LEAST_UNITS:
        return forms[0]
    fold = deal(truth[rows], inside, INNER_FOLDS, seed)
    found = np.zeros((len(forms), len(rows)))
    for held in range(INNER_FOLDS):
        fitting, testing = rows[fold != held], rows[fold == held]
        for place, form in enumerate(forms):
            fused = fit(said[:, fitting], truth[fitting], form).fuse(list(said[:, testing].astype(np.float32)))
            found[place, fold == held] = losses(fused, truth[testing])
    worse = found - found[found.sum(axis=1).argmin()]
    return forms[int(np.argmax([one.mean() <= _error(one, inside) for one in worse]))]


def _error(values: Doubles, groups: Integers | None) -> float:
    """Standard error of the mean of (N,) values; those of a group vary as one."""
    off = values - values.mean()
    units = off if groups is None else np.bincount(np.unique(groups, return_inverse=True)[1], weights=off)
    return float(np.sqrt((units**2).sum()) / len(values))
