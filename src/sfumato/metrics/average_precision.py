"""Average precision of a class in the three forms that go by the name, each of its cuts at every score.

They are of one curve and differ: an AP without its form cannot be compared. `step` is scikit-learn's, `all_point` that
of VOC since 2010 and what papers on several labels call COCO-style, `eleven_point` that of VOC 2007. Everingham et al.,
The Pascal Visual Object Classes (VOC) Challenge, IJCV 2010, section 4.2.

Shapes as in `roc`: T cuts, from the highest score to the lowest; a trailing `...` is nothing, or R resamples.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.labelled import Labelled
from sfumato.metrics.roc import Cuts, Ranked, Roc, over, roc, running

Floats = NDArray[np.float64]
Form = Literal["step", "all_point", "eleven_point"]


def step(found: Roc) -> Floats:
    """(...) sum of (R_k - R_(k-1)) P_k over falling scores: the mean, over the samples of the class, of the precision
    among all that score at least as high. Scikit-learn's average_precision_score; nan without a sample of the class.
    """
    return over((found.own * _precision(found)).sum(axis=0), found.support)


def all_point(found: Roc) -> Floats:
    """(...) the same, with the highest precision at this recall or any higher one in place of the precision.

    nan without a sample of the class.
    """
    return over((found.own * _best_from_here(found)).sum(axis=0), found.support)


def eleven_point(found: Roc) -> Floats:
    """(...) mean of that highest precision at the recalls 0, 0.1, ... 1; nan without a sample of the class."""
    best = np.concatenate([_best_from_here(found), np.zeros((1, *found.own.shape[1:]))])
    hits = 10 * found.hits  # whole numbers: a recall of 0.3 is not 0.30000000000000004
    places = ((hits < level * found.support).sum(axis=0) for level in range(11))
    summed = sum(np.take_along_axis(best, np.expand_dims(place, 0), axis=0)[0] for place in places)
    return over(np.where(found.support > 0, summed, np.nan), 11 * np.sign(found.support))


FORMS = {"step": step, "all_point": all_point, "eleven_point": eleven_point}


def average_precision(truth: NDArray[np.generic], scores: NDArray[np.floating], form: Form = "step") -> Floats:
    """(C,) average precision of each class against all others, 0 to 1; nan for a class without a sample.

    Args:
        truth: (N,) class indices, or (N, C) as in `labelled.Labelled`.
        scores: (N, C), comparable down each column.
        form: Which of the three.

    Raises:
        InputError: As `Labelled`.
    """
    found = np.full(scores.shape[-1], np.nan)
    for index, one in enumerate(Labelled(truth, scores).each_class()):
        if one.own.any():
            everyone, own = Ranked.of(one.scores), Ranked.of(one.scores[one.own])
            cuts = Cuts.at(own.scores)
            found[index] = FORMS[form](roc(everyone.counts(cuts), own.counts(cuts)))
    return found


def _precision(found: Roc) -> Floats:
    return np.divide(found.hits, found.named, out=np.zeros(found.own.shape), where=found.named > 0)


def _best_from_here(found: Roc) -> Floats:
    return running(np.maximum, _precision(found)[::-1])[::-1]
