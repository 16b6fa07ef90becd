"""What deciding made of a network's answers: figures of the same images before and after, beside what was promised.

Before is the likeliest class of the logits as they are, always answered, as sure as softmax is. Plain data.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.abstention import Abstention
from sfumato.decision.conformal.sets import ConformalSets
from sfumato.metrics.classification import macro_f1
from sfumato.metrics.intervals import Interval, score_interval, share_interval
from sfumato.predictions import Predictions
from sfumato.report.evidence import Measured
from sfumato.report.wording import percent

_CALIBRATION = {
    "nll": "Log loss",
    "brier": "Brier score",
    "ece": "Calibration error, in bins of equal width",
    "ece_equal_mass": "Calibration error, as many images a bin",
    "classwise_ece": "Calibration error of every class",
}
_CERTAIN = Interval(1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Change:
    """One figure before and after."""

    name: str
    before: Interval
    after: Interval
    share: bool
    """Whether it is a share, shown in percent."""
    promised: str = ""
    """What was asked for or promised; empty = nothing."""


def changes(measured: Measured) -> tuple[Change, ...]:
    """The rows there are something to say of; none where the answers are the network's own."""
    parts = (_answers, _positive, _calibration, _costs, _abstention, _sets)
    return tuple(change for part in parts for change in part(measured))


def _likeliest(measured: Measured) -> NDArray[np.int64]:
    return measured.predictions.logits.argmax(axis=1)


def _accuracy_before(measured: Measured) -> Interval:
    said = measured.predictions
    return share_interval(_likeliest(measured) == said.truth, said.groups)


def _answers(measured: Measured) -> Iterator[Change]:
    """Where another class than the likeliest is answered."""
    said, before, scores = measured.predictions, _likeliest(measured), measured.results.scores
    if np.array_equal(before, measured.verdicts.predicted):
        return
    yield Change("Accuracy", _accuracy_before(measured), scores["accuracy"], share=True)
    f1 = score_interval(said.truth, before, len(said.labels), macro_f1, said.groups)
    yield Change("Macro F1", f1, scores["macro_f1"], share=False)


def _positive(measured: Measured) -> Iterator[Change]:
    """Of two classes the one that has a threshold."""
    thresholds, said = measured.policy.thresholds, measured.predictions
    if thresholds is None or thresholds.positive is None:
        return
    place, row = thresholds.positive, thresholds.fitted.classes[0]
    name, there = said.labels.names[place], said.truth == place
    before, after = _likeliest(measured) == place, measured.verdicts.predicted == place
    fitted = thresholds.fitted.samples > 0
    precision, recall = (f"{percent(one)} on validation" if fitted else "" for one in (row.precision, row.recall))
    shares = (_share(there, before, said), _share(there, after, said))
    yield Change(f"Answers “{name}” that are right", *shares, share=True, promised=precision)
    shares = (_share(before, there, said), _share(after, there, said))
    yield Change(f"Images of “{name}” that are found", *shares, share=True, promised=recall)


def _share(there: NDArray[np.bool_], among: NDArray[np.bool_], said: Predictions) -> Interval:
    """Of (N,) samples `among` which it is looked for."""
    return share_interval(there[among], None if said.groups is None else said.groups[among])


def _calibration(measured: Measured) -> Iterator[Change]:
    """Where probabilities are not those of softmax."""
    policy, scores = measured.policy, measured.results.scores
    if policy.calibrator.fitted or policy.shift is not None or policy.adjustment is not None:
        for name, title in _CALIBRATION.items():
            before = scores.get(f"{name}_before")
            if before is not None:
                yield Change(title, before, scores[name], share=False)


def _costs(measured: Measured) -> Iterator[Change]:
    scores = measured.results.scores
    if "cost" in scores:
        yield Change("Cost of an answer", scores["cost_before"], scores["cost"], share=False)


def _abstention(measured: Measured) -> Iterator[Change]:
    """Where answers are, or could have been, withheld."""
    abstention, scores = measured.policy.abstention, measured.results.scores
    if abstention is None and "coverage" not in scores:
        return
    answered = scores.get("coverage", _CERTAIN)
    yield Change("Images that are answered", _CERTAIN, answered, share=True, promised=_answers_from(abstention))
    right = scores.get("accuracy_answered", scores["accuracy"] if "coverage" not in scores else None)
    if right is not None:
        wrong, after = _complement(_accuracy_before(measured)), _complement(right)
        yield Change("Wrong among the answers", wrong, after, share=True, promised=_most_wrong(abstention))


def _answers_from(abstention: Abstention | None) -> str:
    """From where on it answers, and what share of validation that was."""
    if abstention is None:
        return ""
    from_on = f"{abstention.by} from {abstention.threshold:.3f} on: " if abstention.threshold else ""
    return f"{from_on}{percent(abstention.coverage)} on validation"


def _most_wrong(abstention: Abstention | None) -> str:
    """What its error was on validation, or is promised to be."""
    if abstention is None or abstention.error is None:
        return ""
    if abstention.bound is None or abstention.certainty is None:
        return f"{percent(abstention.error)} on validation"
    return f"at most {percent(abstention.bound)}, certainty {percent(abstention.certainty)}"


def _sets(measured: Measured) -> Iterator[Change]:
    sets, scores = measured.policy.sets, measured.results.scores
    if sets is None or "set_coverage" not in scores:
        return
    before, one = _accuracy_before(measured), _CERTAIN
    promised = f"at least {percent(sets.promised)}{_scope(sets)}"
    yield Change("Right class named", before, scores["set_coverage"], share=True, promised=promised)
    yield Change("Classes named", one, scores["set_size"], share=False)


def _scope(sets: ConformalSets) -> str:
    return " of each class" if "class" in sets.scopes else ""


def _complement(share: Interval) -> Interval:
    return Interval(1 - share.value, 1 - share.high, 1 - share.low)
