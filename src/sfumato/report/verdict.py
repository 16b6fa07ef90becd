"""The verdict in plain sentences: what the run reaches, where it fails, whether its confidence can be trusted."""

from collections.abc import Iterator

import numpy as np

from sfumato.decision.abstention import LEAST_ACCEPTED, Abstention
from sfumato.metrics.results import ClassRow, Results
from sfumato.report.evidence import Evidence, LabelsMeasured, Measured
from sfumato.report.frames import Majority, majority_class
from sfumato.report.label_verdict import label_verdict
from sfumato.report.sure_words import by_words, strange_words
from sfumato.report.threshold_words import rule_words
from sfumato.report.unkept import unkept
from sfumato.report.wording import LEAST_SUPPORT, ROUGH, TRUSTED, many, percent, setting_of


def verdict(evidence: Evidence) -> tuple[str, ...]:
    """Sentences for the top of the report; a single one where nothing was measured."""
    measured = evidence.measured
    if measured is None:
        return (_nothing(evidence),)
    spared = "test" in evidence.prepared.table.rows["part"]
    if isinstance(measured, LabelsMeasured):
        return label_verdict(measured, test_spared=spared)
    majority = majority_class(evidence, measured.results)
    said = (reach(measured, majority, test_spared=spared), failures(measured.results), trust_in_confidence(measured))
    return (*said, *unkept(measured))


def verdicts(evidence: Evidence) -> tuple[str, ...]:
    """The same of every task, each begun by its name where there are several."""
    said: list[str] = []
    for task, own in evidence.by_task.items():
        first, *rest = verdict(own)
        said += [f"{task}: {first}" if task else first, *rest]
    return tuple(said)


def _nothing(evidence: Evidence) -> str:
    parts = set(evidence.prepared.table.rows["part"].to_list())
    if parts & {"val", "test"}:
        return "Nothing has been measured yet: this run is not finished."
    return (
        "Nothing was measured: no images were set aside for a test or for validation. "
        "The weights of the last epoch were kept, because nothing could choose among them."
    )


def reach(measured: Measured, majority: Majority, *, test_spared: bool = False) -> str:
    """What it reaches, with its interval, against always naming one class.

    `test_spared`: there is a test part, left to the average of all folds or to the best of all trials.
    """
    accuracy, results = measured.results.scores["accuracy"], measured.results
    where = setting_of(measured.part, results.samples, test_spared=test_spared)
    text = (
        f"{where}, it names the right class in {percent(accuracy.value)} of cases "
        f"(95 % interval {percent(accuracy.low)} to {percent(accuracy.high)}); always answering “{majority.name}”, "
        f"the most frequent class in training, would reach {percent(majority.share)}"
    )
    return f"{text}." if accuracy.low > majority.share else f"{text}, so it is not shown to do better than that."


def failures(results: Results) -> str:
    """The class of which it misses the largest share, and what it takes it for."""
    measured = [row for row in results.classes if row.support]
    enough = [row for row in measured if row.support >= LEAST_SUPPORT] or measured
    worst = min(enough, key=lambda row: (row.recall, -row.support))
    if worst.recall == 1:
        return "It made no mistake on them." if enough == measured else "It made no mistake on any class of some size."
    matrix = np.array(results.confusion, dtype=np.int64)
    index = results.classes.index(worst)
    return _failure(worst, int(matrix[index, index]), _taken_for(results, matrix[index].tolist(), index))


def _failure(worst: ClassRow, found: int, taken_for: tuple[str, int]) -> str:
    name, times = taken_for
    return (
        f"It fails most on “{worst.name}”: it finds {found} of {many(worst.support, 'such image')} "
        f"({percent(worst.recall)}) and most often takes them for “{name}” ({many(times, 'time')})."
    )


def _taken_for(results: Results, row: list[int], index: int) -> tuple[str, int]:
    """The wrong name a class is given most often, and how often."""
    others = [(count, -place) for place, count in enumerate(row) if place != index]
    count, place = max(others)
    return results.classes[-place].name, count


def trust_in_confidence(measured: Measured) -> str:
    """Whether it is right as often as it says, and how often it does not answer."""
    error, chance = measured.results.scores["ece"].value, measured.results.scores.get("ece_if_calibrated")
    correct = measured.verdicts.predicted == measured.predictions.truth
    too_sure = float(measured.verdicts.confidence.mean()) > float(correct.mean())
    off = f"it is off by {100 * error:.1f} percentage points on average"
    side = f"on the whole it is {'too sure' if too_sure else 'not sure enough'}"
    if error <= TRUSTED:
        trust = f"Its confidence can be trusted: {off}"
    elif chance is not None and error <= chance.high:
        trust = (
            f"Its confidence is not shown to be wrong: {off}, "
            f"and with so few images chance alone would make that up to {100 * chance.high:.1f}"
        )
    elif error <= ROUGH:
        trust = f"Its confidence is a rough guide: {off}, and {side}"
    else:
        trust = f"Its confidence should not be taken at its word: {off}, and {side}"
    uncalibrated = "" if measured.policy.calibrator.fitted else " (it was not calibrated)"
    return " ".join([f"{trust}{uncalibrated}.", _abstention(measured), *_further(measured)])


def _further(measured: Measured) -> Iterator[str]:
    """What the answer is where it is not simply the likeliest class."""
    policy, scores = measured.policy, measured.results.scores
    if (strange := strange_words(measured)) is not None:
        yield strange
    if policy.shift is not None:
        yield "It answers for the class frequencies of decision.priors; figures here are of images as they were split."
    if policy.costs is not None:
        yield "It gives the answer that is expected to cost least, not the likeliest."
    if policy.thresholds is not None and policy.thresholds.positive is not None:
        name, row = measured.predictions.labels.names[policy.thresholds.positive], policy.thresholds.fitted.classes[0]
        why = rule_words(policy.thresholds.fitted.rule)
        yield f"It answers “{name}” from a probability of {row.threshold:.3f} on ({why}), whichever class is likelier."
    if policy.sets is not None and "set_coverage" in scores:
        held, size = scores["set_coverage"], scores["set_size"]
        yield (
            f"It names sets of {size.value:.1f} classes on average, which hold the right one in {percent(held.value)} "
            f"of cases (95 % interval {percent(held.low)} to {percent(held.high)}); "
            f"{percent(policy.sets.promised)} were promised."
        )


def _abstention(measured: Measured) -> str:
    abstention, thresholds = measured.policy.abstention, measured.policy.thresholds
    if thresholds is not None and thresholds.positive is None:
        return _withheld(
            measured, f"what was asked of validation, class by class: {rule_words(thresholds.fitted.rule)}."
        )
    every = "It answers every image" if measured.policy.familiar is None else "It answers however unsure it is"
    if abstention is None:
        return f"{every}."
    wish = f"{_wish(abstention)}."
    if abstention.threshold == 0:
        return f"{every}." if abstention.reached else f"{every}; {wish}"
    return _withheld(measured, wish)


def _withheld(measured: Measured, wish: str) -> str:
    scores = measured.results.scores
    if "coverage" not in scores:
        return f"It may withhold an answer, and did so on none of these images; {wish}"
    withheld = 1 - scores["coverage"].value
    if "accuracy_answered" not in scores:
        return f"It withholds its answer on every image; {wish}"
    right = scores["accuracy_answered"].value
    silent = f"It withholds its answer on {percent(withheld)} of the images{by_words(measured.policy)}"
    return f"{silent} and is right in {percent(right)} of the others; {wish}"


def _wish(abstention: Abstention) -> str:
    """What was asked for, and whether validation shows it or a bound promises it."""
    if abstention.max_error is None:
        if abstention.error is None:
            return f"fewer than {LEAST_ACCEPTED} validation images can't tell which to answer"
        return f"on validation it answers {percent(abstention.coverage)}, {percent(abstention.error)} of them wrongly"
    asked = f"the recipe asks for at most {percent(abstention.max_error)} of wrong answers"
    if abstention.error is None:
        return f"{asked}, and fewer than {LEAST_ACCEPTED} validation images can't tell where it should not answer"
    if abstention.bound is None or abstention.certainty is None:
        return asked if abstention.reached else f"{asked}, which no threshold reached on validation"
    bound = f"{percent(abstention.bound)} with a certainty of {percent(abstention.certainty)}"
    shown = f"on validation they were {percent(abstention.error)}"
    if abstention.reached:
        return f"{asked}; {shown}, which promises at most {bound}"
    return f"{asked}, which no threshold promises: {shown}, so at most {bound}"
