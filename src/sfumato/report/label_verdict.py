"""The verdict on samples that may be of any number of classes, in plain sentences."""

from collections.abc import Mapping

from sfumato.metrics.intervals import Interval
from sfumato.metrics.multilabel_results import MultilabelResults
from sfumato.report.evidence import LabelsMeasured
from sfumato.report.wording import LEAST_SUPPORT, ROUGH, TRUSTED, many, percent, setting_of


def label_verdict(measured: LabelsMeasured, *, test_spared: bool = False) -> tuple[str, ...]:
    """What it reaches, where it fails, whether its probabilities can be trusted; `test_spared` as for `reach`."""
    return (_reach(measured, test_spared), _failures(measured.results), _trust(measured))


def _reach(measured: LabelsMeasured, test_spared: bool) -> str:
    setting = setting_of(measured.part, measured.results.samples, test_spared=test_spared)
    return f"{setting}, it {reached(measured.results.scores)}.{_whole(measured.results)}"


def _whole(results: MultilabelResults) -> str:
    """Of how many samples all is known, where that is not all of them."""
    if not results.complete:
        return ""
    return f" That is of {many(results.complete, 'image')}: of the others some classes are not known."


def reached(scores: Mapping[str, Interval]) -> str:
    """What there is to say of the scores, as the rest of a sentence whose subject is what answered."""
    map_, f1, exact = scores.get("map"), scores["macro_f1"], scores.get("accuracy")
    ranked = f"ranks with a mean average precision of {map_.value:.3f} ({_range(map_)}), " if map_ else ""
    named = f"{ranked}names classes with a macro-F1 of {f1.value:.3f} ({_range(f1)})"
    if exact is None:  # of no image all is known
        return named
    return f"{named}, and names all of an image's classes and no other in {percent(exact.value)} of cases"


def _range(score: Interval) -> str:
    return f"95 % interval {score.low:.3f} to {score.high:.3f}"


def _failures(results: MultilabelResults) -> str:
    """The class with the lowest F1 of some size, and which way it errs."""
    measured = [row for row in results.classes if row.support]
    if not measured:
        return "None of these images is of any class, so nothing is known of what it finds."
    enough = [row for row in measured if row.support >= LEAST_SUPPORT] or measured
    worst = min(enough, key=lambda row: (row.f1, -row.support))
    if worst.f1 == 1:
        return "It made no mistake on them." if enough == measured else "It made no mistake on any class of some size."
    missing = [row.name for row in results.classes if not row.support]
    unmeasured = f" {many(len(missing), 'class')} had no image here and stay unmeasured." if missing else ""
    return (
        f"It fails most on “{worst.name}”: it finds {percent(worst.recall)} of {many(worst.support, 'such image')}, "
        f"and {percent(worst.precision)} of those it names so are.{unmeasured}"
    )


def _trust(measured: LabelsMeasured) -> str:
    error, policy, scores = measured.results.scores["classwise_ece"].value, measured.policy, measured.results.scores
    off = f"those of a class are off by {100 * error:.1f} percentage points on average"
    word = "can be trusted" if error <= TRUSTED else "are a rough guide" if error <= ROUGH else "should not be trusted"
    uncalibrated = "" if policy.calibrator.fitted else " (they were not calibrated)"
    text = f"Its probabilities {word}: {off}{uncalibrated}."
    if policy.misses is None or "set_miss" not in scores:
        return text
    missed, size = scores["set_miss"], scores["set_size"]
    return (
        f"{text} It names sets of {size.value:.1f} classes on average, which miss {percent(missed.value)} of an "
        f"image's classes (95 % interval {percent(missed.low)} to {percent(missed.high)}); at most "
        f"{percent(policy.misses.alpha)} were promised."
    )
