"""Everything a run measures on samples that may be of any number of classes, each figure with its interval."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.metrics.average_precision import average_precision
from sfumato.metrics.f_scores import label_counts
from sfumato.metrics.honesty import before_and_after, mean_interval
from sfumato.metrics.intervals import Interval
from sfumato.metrics.label_scores import label_scores
from sfumato.metrics.membership import Labels, answered, complete
from sfumato.metrics.results import ClassRow, Results, count_rows
from sfumato.stored import read_stored, stored

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
_HONEST = ("nll", "brier", "classwise_ece")


@stored
@dataclass(frozen=True)
class MultilabelResults:
    """Scores of N labelled samples."""

    samples: int
    scores: dict[str, Interval]
    """Those of `label_scores`; nll and brier, summed over the classes, and classwise_ece, and what they were before
    calibration; where the policy promises sets set_miss and set_size, and missed and size, the same of the answer.
    Without a sample there are none."""
    classes: tuple[ClassRow, ...]
    groups: int | None = None
    """Groups of samples that belong together and were resampled as a whole; None = each sample is on its own."""
    complete: int | None = None
    """Samples of which every class is known, by which accuracy, coverage_error, missed and set_miss go; without one
    there is none of these. None = all samples are."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str = "results") -> "MultilabelResults":
        """Read what `to_dict` made, before or after JSON; `where` names it in errors."""
        found = read_stored(cls, document, "results", where)
        if found.samples and not {"macro_f1", "micro_f1", "classwise_ece"} <= found.scores.keys():
            raise InputError("not results: scores are missing", where=where)
        return found


AnyResults = Results | MultilabelResults


def results_from_dict(document: dict[str, Any], where: str) -> AnyResults:
    """Results of either kind; only those of one class a sample have a confusion.

    Raises:
        InputError: They are damaged; `where` names them.
    """
    return (Results if "confusion" in document else MultilabelResults).from_dict(document, where)


def measure_labels(
    truth: Labels,
    named: Booleans,
    before: Floats,
    after: Floats,
    names: tuple[str, ...],
    *,
    sets: Booleans | None = None,
    groups: Integers | None = None,
    trained: Integers | None = None,
) -> MultilabelResults:
    """Measure N answers, each array (N, C).

    Args:
        truth: As in `membership`; of each class those samples measure it of which it is known.
        named: Whether the class is named.
        before: Probabilities of the logits as they are.
        after: Calibrated probabilities.
        names: The C classes.
        sets: Classes that hold all but a promised share of the true ones; None = nothing is promised.
        groups: (N,) number of the group each sample belongs to; None = each is on its own.
        trained: (C,) training images of each class; None = not known.
    """
    scores, whole = label_scores(truth, after, named, groups), complete(truth)
    if len(truth):
        scores |= _honesty(before, after, truth, groups)
        scores |= {} if sets is None else _promised(named, sets, truth, groups)
    rows = count_rows(label_counts(truth, named), names, average_precision(truth, after), trained)
    together = None if groups is None else len(np.unique(groups))
    if whole.all():
        return MultilabelResults(len(truth), scores, rows, together)
    known = answered(truth, len(names)).sum(axis=0).tolist()
    rows = tuple(replace(row, known=count) for row, count in zip(rows, known, strict=True))
    return MultilabelResults(len(truth), scores, rows, together, int(whole.sum()))


def missed_shares(sets: Booleans, there: Booleans) -> Floats:
    """(N,) share of each sample's classes that its set (N, C) lacks; 0 of a sample without a class."""
    return (there & ~sets).sum(axis=1) / np.maximum(1, there.sum(axis=1))


def _honesty(before: Floats, after: Floats, truth: Labels, groups: Integers | None) -> dict[str, Interval]:
    found = before_and_after(before, after, truth, groups)
    return {
        **{name: found.after.scores[name] for name in _HONEST},
        **{f"{name}_before": found.before.scores[name] for name in _HONEST},
        **{f"{name}_change": score for name, score in found.change.items()},
    }


def _promised(named: Booleans, sets: Booleans, truth: Labels, groups: Integers | None) -> dict[str, Interval]:
    """Sizes of all answers; what share of its classes one lacks is known of the samples of which all is."""
    whole = complete(truth)
    there, within = truth[whole] == 1, None if groups is None else groups[whole]
    missed = {"missed": named[whole], "set_miss": sets[whole]} if whole.any() else {}
    sizes = {"size": named, "set_size": sets}
    return {
        **{name: mean_interval(missed_shares(of, there), within) for name, of in missed.items()},
        **{name: mean_interval(of.sum(axis=1).astype(np.float64), groups) for name, of in sizes.items()},
    }
