"""The end of a cross-validation as plain text: every fold, mean and spread, what is unmeasured, how to read it."""

from sfumato.metrics.folds import FoldSummary
from sfumato.metrics.multilabel_results import AnyResults, MultilabelResults, results_from_dict
from sfumato.report.summary import LABEL_SCORE_NAMES, SCORE_NAMES
from sfumato.tasks import of_task

FOLD_SCORES = {
    "loss": "loss",
    "accuracy": "accuracy",
    "best": "best epoch",
    "macro_f1": "macro-F1",
    "macro_f1_all": "macro-F1 of all",
}
"""Shown of each fold, in this order, with the names they are shown by."""
LABEL_FOLD_SCORES = {
    "loss": "loss",
    "map": "mAP",
    "best": "best epoch",
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "accuracy": "exact match",
}
"""The same where an image may be of several classes."""
_MAIN, _LABEL_MAIN = ("accuracy", "macro_f1", "ece"), ("map", "macro_f1", "accuracy", "classwise_ece")


def folds_lines(summary: FoldSummary) -> list[str]:
    """Lines for the terminal."""
    lines = [""]
    for task in summary.unmeasured:
        lines += _table(summary, task)
    for part, result in summary.results.items():
        lines += _measured(part, results_from_dict(result, part))
    return [*lines, *_unmeasured(summary), summary.note, ""]


def fold_scores_of(summary: FoldSummary) -> dict[str, str]:
    """Those that are shown of each fold: where other samples chose the epoch, none was best on the fold."""
    shown = LABEL_FOLD_SCORES if summary.multilabel else FOLD_SCORES
    return {name: words for name, words in shown.items() if not (summary.nested and name == "best")}


def _table(summary: FoldSummary, task: str) -> list[str]:
    """A row a fold, and mean ± std below them."""
    shown = {of_task(name, task): words for name, words in fold_scores_of(summary).items()}
    head = f"{task or 'fold':14}{'trained':>9}{'held out':>10}" + "".join(f"{words:>17}" for words in shown.values())
    rows = [
        f"  {fold.fold:12}{fold.train:>9}{fold.held_out:>10}" + "".join(_cell(fold.scores.get(name)) for name in shown)
        for fold in summary.folds
    ]
    mean = "".join(
        f"{summary.mean[name]:.4f} ± {summary.std[name]:.4f}".rjust(17) if name in summary.mean else f"{'-':>17}"
        for name in shown
    )
    return [head, *rows, f"  {'mean ± std':31}{mean}", ""]


def _cell(value: float | None) -> str:
    """A figure that stands below and above those of the means."""
    return f"{'-':>17}" if value is None else f"{value:>8.4f}".rjust(8).ljust(9).rjust(17)


def _measured(part: str, results: AnyResults) -> list[str]:
    """The main scores of all folds as one table, or of the averaged bundle on the test part."""
    several = isinstance(results, MultilabelResults)
    names, main = (LABEL_SCORE_NAMES, _LABEL_MAIN) if several else (SCORE_NAMES, _MAIN)
    which, _, task = part.partition(".")
    whose = "averaged bundle, test part" if which == "test" else "all samples, out of fold"
    scores = [
        f"{names[name]} {found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
        for name, found in results.scores.items()
        if name in main
    ]
    return [f"{whose}{f', {task}' if task else ''}: {', '.join(scores)}"]


def _unmeasured(summary: FoldSummary) -> list[str]:
    return [
        f"unmeasured{f' of {task}' if task else ''}, too rare to be held out: {', '.join(names)}"
        for task, names in summary.unmeasured.items()
        if names
    ]
