"""The end of a run as plain text: the verdict, the scores with their intervals, the confusion, and where things lie."""

import unicodedata

from sfumato.metrics.longtail import FEW_BELOW, MANY_ABOVE, TAIL_FRACTION
from sfumato.metrics.multilabel_results import AnyResults, MultilabelResults
from sfumato.metrics.results import Results
from sfumato.report.beside_teacher import beside_teacher, teacher_lines
from sfumato.report.evidence import read_evidence
from sfumato.report.frames import tail_scores
from sfumato.report.verdict import verdicts
from sfumato.report.wording import many
from sfumato.run_folder import RunFolder

SCORE_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "ece": "calibration error",
    "ece_if_calibrated": "by chance alone",
    "coverage": "share answered",
    "accuracy_answered": "accuracy of those",
}
LABEL_SCORE_NAMES = {
    "map": "mAP, all-point",
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "accuracy": "exact match",
    "classwise_ece": "calibration error",
    "set_miss": "missed by sets",
}
TAIL_NAMES = {
    "many": f"recall, > {MANY_ABOVE}",
    "medium": f"recall, {FEW_BELOW} to {MANY_ABOVE}",
    "few": f"recall, < {FEW_BELOW}",
    "tail": f"rarest {100 * TAIL_FRACTION:.0f} %",
    "worst_class": "worst class",
    "macro_f1_all": "macro-F1 over all",
}
"""Shown where classes are not all many, all medium or all few; the numbers are training images of a class."""
MOST_CLASSES = 8
"""A confusion matrix of more classes is left to the report."""


def summary(folder: RunFolder) -> list[str]:
    """Lines for the terminal."""
    evidence = read_evidence(folder)
    lines = ["", *verdicts(evidence), ""]
    for task, own in evidence.by_task.items():
        lines += result_lines(own.measured.results, own.measured.part, task) if own.measured else []
    lines += [line for found in beside_teacher(evidence) for line in teacher_lines(found)]
    return [*lines, f"report  {folder.report}", f"bundle  {folder.bundle}"]


def result_lines(results: AnyResults, part: str, task: str) -> list[str]:
    """A line a score, with its interval; the confusion below them where it is small."""
    lines = [*([task] if task else []), *score_lines(results, part)]
    if isinstance(results, MultilabelResults):
        return [*lines, ""]
    confusion = _confusion(results) if len(results.classes) <= MOST_CLASSES else []
    return [*lines, *([""] if confusion or task else []), *confusion]


def score_lines(results: AnyResults, part: str) -> list[str]:
    """A head, and a line a score."""
    if isinstance(results, MultilabelResults):
        shown = LABEL_SCORE_NAMES
    else:
        shown = SCORE_NAMES | {name: TAIL_NAMES[name] for name in tail_scores(results)}
    lines = [f"{'':20}{part}    95 % interval"]
    lines += [
        f"  {shown[name]:18}{interval.value:.3f}   {interval.low:.3f} to {interval.high:.3f}"
        for name, interval in results.scores.items()
        if name in shown
    ]
    if results.groups is not None:
        lines += [f"  intervals: {many(results.groups, 'group')} of images resampled as a whole"]
    return lines


def _confusion(results: Results) -> list[str]:
    """One line a true class, one column a class that was named."""
    names = [row.name for row in results.classes]
    wide = max(10, *(_width(name) for name in names)) + 2
    head = _padded("in truth / named", wide + 6) + "".join(_padded(name, wide, right=True) for name in names)
    rows = zip(names, results.confusion, strict=True)
    return [head, *(_padded(f"  {name}", wide + 6) + "".join(f"{n:>{wide}}" for n in row) for name, row in rows), ""]


def _width(text: str) -> int:
    """Columns a text takes in a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, wide: int, *, right: bool = False) -> str:
    space = " " * max(0, wide - _width(text))
    return space + text if right else text + space
