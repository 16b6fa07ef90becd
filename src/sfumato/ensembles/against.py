"""An ensemble against its best member, on the same samples."""

import numpy as np
from numpy.typing import NDArray

from sfumato.ensembles.summary import Comparison
from sfumato.ensembles.told import Answers, all_right
from sfumato.metrics.intervals import Interval
from sfumato.metrics.membership import Truth
from sfumato.metrics.paired import mcnemar, paired_difference
from sfumato.metrics.paired_labels import paired_macro_f1

Integers = NDArray[np.int64]


def compare(truth: Truth, ensemble: Answers, member: Answers, groups: Integers | None) -> Comparison:
    """How far the answers of an ensemble are above a member's.

    Args:
        truth: (N,) class indices, or (N, C) booleans: an answer is right then if it names all classes and no other.
        ensemble: Its answers, of the same form.
        member: Those of the member.
        groups: (N,) number of the group each sample belongs to, resampled whole; None = each is on its own.
    """
    so, one, other = (
        of.astype(np.int64) if truth.ndim == 1 else all_right(of, truth).astype(np.int64)
        for of in (truth, ensemble, member)
    )
    right, test = paired_difference(so, one, other, "accuracy", groups), mcnemar(so, one, other)
    return Comparison(right, _macro_f1(truth, ensemble, member, groups), test.only_a, test.only_b, test.p)


def _macro_f1(truth: Truth, ensemble: Answers, member: Answers, groups: Integers | None) -> Interval:
    if truth.ndim == 1:
        so, one, other = (of.astype(np.int64) for of in (truth, ensemble, member))
        return paired_difference(so, one, other, "macro_f1", groups)
    there, named, by_member = (of.astype(bool) for of in (truth, ensemble, member))
    return paired_macro_f1(there, named, by_member, groups)
