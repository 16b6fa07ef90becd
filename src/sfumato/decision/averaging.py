"""Averaging networks or views: the mean of their calibrated probabilities, as logits that a policy decides on.

Shapes: M members (networks, views, or each network in each view), N samples, C classes.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.multilabel_policy import MultilabelPolicy, mean_logits
from sfumato.decision.policies import AnyPolicy
from sfumato.metrics.finite import refuse_not_finite

Floats = NDArray[np.float64]


def averaged(logits: NDArray[np.floating], policy: AnyPolicy) -> NDArray[np.float32]:
    """(N, C) logits of the mean of what is said by each of (M, N, C), on which `policy` decides as on any others.

    With adjustment a and temperature T, a member's probabilities are softmax((z - a) / T). What is returned is
    T log(mean) + a: a policy that calibrates by the temperature makes the mean of it again, any other calibrates the
    mean. Of one member each makes what it would have made of that member alone. Where a sample may be of several
    classes, the same is done of each class by itself, by its sigmoid.
    """
    refuse_not_finite(logits=logits)
    if isinstance(policy, MultilabelPolicy):
        return mean_logits(logits, policy.pool_at.value)
    adjusted: Floats = policy.adjusted(logits).astype(np.float64) / policy.pool_at.value
    mean = log_mean(adjusted)
    nothing = np.zeros((1, logits.shape[2]))
    return (policy.pool_at.value * mean - policy.adjusted(nothing)).astype(np.float32)


def averaged_tasks(
    logits: NDArray[np.floating], policies: Mapping[str, AnyPolicy], slices: Mapping[str, slice]
) -> NDArray[np.float32]:
    """The same of (M, N, C) where the logits of several tasks stand beside each other: each task by its own policy."""
    found = np.zeros(logits.shape[1:], dtype=np.float32)
    for task, where in slices.items():
        found[:, where] = averaged(logits[:, :, where], policies[task])
    return found


def averaged_familiarity(each: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    """The mean of what M members measured, (N,) or of T tasks (N, T) each; None where one of them did not."""
    there = [one for one in each if one is not None]
    if len(there) < len(each):
        return None
    return there[0] if len(there) == 1 else mean_familiarity(np.stack(there))


def mean_familiarity(each: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, ...) mean of what M members measured, (M, N, ...)."""
    return each.mean(axis=0, dtype=np.float64).astype(np.float32)


def log_mean(z: Floats) -> Floats:
    """(N, C) logarithms of the mean over the first axis of softmax of (M, N, C)."""
    found = _log_softmax(z[0])
    for member in z[1:]:
        found = np.logaddexp(found, _log_softmax(member))
    return found - np.log(len(z))


def _log_softmax(z: Floats) -> Floats:
    top = z.max(axis=-1, keepdims=True)
    return z - top - np.log(np.exp(z - top).sum(axis=-1, keepdims=True))
