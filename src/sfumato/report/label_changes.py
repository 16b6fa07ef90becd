"""What deciding made of a network's answers where an image may be of any number of classes, before and after."""

from collections.abc import Iterator

from sfumato.metrics.label_scores import label_scores
from sfumato.report.changes import Change
from sfumato.report.evidence import LabelsMeasured
from sfumato.report.wording import percent

_ANSWERS = {"accuracy": "Exact match", "macro_f1": "Macro F1", "micro_f1": "Micro F1"}
_CALIBRATION = {
    "nll": "Log loss",
    "brier": "Brier score",
    "classwise_ece": "Calibration error of every class",
}


def label_changes(measured: LabelsMeasured) -> tuple[Change, ...]:
    """Scores at a probability of one half beside those at the thresholds, of calibration, and of the sets."""
    return (*_answers(measured), *_calibration(measured), *_sets(measured))


def _answers(measured: LabelsMeasured) -> Iterator[Change]:
    said, scores = measured.predictions, measured.results.scores
    before = label_scores(said.truth, said.logits, said.logits > 0, said.groups)
    for name, title in _ANSWERS.items():
        if name in before:
            yield Change(title, before[name], scores[name], share=name == "accuracy")


def _calibration(measured: LabelsMeasured) -> Iterator[Change]:
    scores = measured.results.scores
    for name, title in _CALIBRATION.items():
        if measured.policy.calibrator.fitted and f"{name}_before" in scores:
            yield Change(title, scores[f"{name}_before"], scores[name], share=False)


def _sets(measured: LabelsMeasured) -> Iterator[Change]:
    """The classes that the answer lacks, beside those that the set of the promise lacks."""
    misses, scores = measured.policy.misses, measured.results.scores
    if misses is not None and "set_miss" in scores:
        promised = f"at most {percent(misses.alpha)}"
        yield Change("Classes of an image that are missed", scores["missed"], scores["set_miss"], True, promised)
        yield Change("Classes named", scores["size"], scores["set_size"], share=False)
