"""An ensemble against its best member, on the same samples."""

import numpy as np
from numpy.typing import NDArray

from sfumato.ensembles.summary import Comparison
from sfumato.ensembles.told import Answers, all_right
from sfumato.metrics.intervals import Interval
from sfumato.metrics.membership import Truth, complete
from sfumato.metrics.paired import mcnemar, paired_difference
from sfumato.metrics.paired_labels import paired_macro_f1

Integers = NDArray[np.int64]


def compare(truth: Truth, ensemble: Answers, member: Answers, groups: Integers | None) -> Comparison:
    """How far the answers of an ensemble are above a member's.

    Args:
        truth: As in `membership`. Of several classes an answer is right that names all and no other, of a sample of
            which all is known.
        ensemble: Its answers, of the same form.
        member: Those of the member.
        groups: (N,) number of the group each sample belongs to, resampled whole; None = each is on its own.
    """
    so, one, other = (of.astype(np.int64) if truth.ndim == 1 else _right(of, truth) for of in (truth, ensemble, member))
    within = groups if groups is None or truth.ndim == 1 else groups[complete(truth)]
    right, test = paired_difference(so, one, other, "accuracy", within), mcnemar(so, one, other)
    return Comparison(right, _macro_f1(truth, ensemble, member, groups), test.only_a, test.only_b, test.p)


def _right(answers: Truth, truth: Truth) -> Integers:
    return all_right(answers, truth).astype(np.int64)


def _macro_f1(truth: Truth, ensemble: Answers, member: Answers, groups: Integers | None) -> Interval:
    if truth.ndim == 1:
        so, one, other = (of.astype(np.int64) for of in (truth, ensemble, member))
        return paired_difference(so, one, other, "macro_f1", groups)
    return paired_macro_f1(truth.astype(np.int8), ensemble == 1, member == 1, groups)
