"""Fitting a fusion on samples that no member was trained on. Shapes: M members, N samples, C classes."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sfumato.decision.fusion.fusion import Floats, Fusion, Kind, Sharing
from sfumato.decision.fusion.hidden_fit import LEAST_SAMPLES as LEAST_FOR_MLP
from sfumato.decision.fusion.hidden_fit import MOST_INPUTS, fit_mlp
from sfumato.decision.fusion.mixing import fit_weighted
from sfumato.decision.fusion.stacking import fit_stacked
from sfumato.errors import InputError
from sfumato.metrics.finite import refuse_not_finite
from sfumato.metrics.membership import Truth

Integers = NDArray[np.int64]

LEAST_SAMPLES = 20
"""Below, nothing is fitted: as for a temperature, its own error would exceed what it mends."""


def fit_fusion(
    kind: Kind, said: Sequence[Floats], truth: Truth, sharing: Sharing = "auto", groups: Integers | None = None
) -> Fusion:
    """A fusion of M members.

    Args:
        kind: Which.
        said: M arrays (N, C) of calibrated log-probabilities, or of log-odds where truth is booleans.
        truth: (N,) class indices, all of them known, or (N, C) of classes that may be unknown one by one.
        sharing: Whether classes share weights; of `weighted` and `stacked` alone.
        groups: (N,) number of the group each sample belongs to, which inner folds keep whole; None = each is its own.

    Raises:
        InputError: What they say is not finite, or of no sample; `refuse_too_few` says how many there should be.
    """
    for one in said:
        refuse_not_finite(said=one)
    if kind == "average":
        return equal_weights(len(said), exclusive=truth.ndim == 1)
    if not len(truth):
        raise InputError("no sample", expected=f"{LEAST_SAMPLES} or more to fit {kind} on")
    with threadpool_limits(1, "blas"):  # threads wait for each other longer than they help, and change the last digits
        return _fit(kind, np.stack(said), truth, sharing, groups)


def _fit(kind: Kind, said: Floats, truth: Truth, sharing: Sharing, groups: Integers | None) -> Fusion:
    if kind == "mlp":
        return fit_mlp(said, truth, groups)
    return (fit_weighted if kind == "weighted" else fit_stacked)(said, truth, sharing, groups)


def equal_weights(members: int, kind: Literal["average", "folds"] = "average", *, exclusive: bool = True) -> Fusion:
    """The average, which nothing is fitted for."""
    return Fusion(kind, ((1 / members,),) * members, exclusive=exclusive)


def refuse_too_few(kind: Kind, samples: int, members: int, classes: int, where: str) -> None:
    """Refuse to fit a kind on so few samples of known class, or of so many members and classes; `where` names them.

    Raises:
        InputError: As said.
    """
    least = {"average": 0, "mlp": LEAST_FOR_MLP}.get(kind, LEAST_SAMPLES)
    if samples < least:
        other = "stacked" if kind == "mlp" and samples >= LEAST_SAMPLES else "average"
        what = f"{samples} samples of known class"
        raise InputError(what, where=where, expected=f"{least} to fit {kind} on, or --kind {other}")
    if kind == "mlp" and members * classes > MOST_INPUTS:
        what = f"{members} members of {classes} classes"
        raise InputError(what, where=where, expected=f"at most {MOST_INPUTS} in all for mlp, or --kind stacked")


def refuse_idle_sharing(kind: Kind, sharing: Sharing, classes: int, *, exclusive: bool = True) -> None:
    """Refuse a sharing of weights that has no effect, of C classes that exclude each other or do not.

    Raises:
        InputError: As said.
    """
    if sharing == "auto":
        return
    if kind in ("average", "mlp"):
        raise InputError(f"no effect with --kind {kind}", where="--weights", expected="--kind weighted or stacked")
    if kind == "weighted" and sharing == "by_class" and exclusive and classes < 3:
        what = "no effect on two classes, which are told apart by one probability"
        raise InputError(what, where="--weights", expected="auto or shared, or --kind stacked")
