"""The end of a cross-validation as plain text: every fold, mean and spread, what is unmeasured, how to read it."""

from sfumato.metrics.folds import FoldSummary
from sfumato.metrics.results import Results
from sfumato.report.summary import SCORE_NAMES
from sfumato.tasks import of_task

FOLD_SCORES = {
    "loss": "loss",
    "accuracy": "accuracy",
    "best": "best epoch",
    "macro_f1": "macro-F1",
    "macro_f1_all": "macro-F1 of all",
}
"""Shown of each fold, in this order, with the names they are shown by."""


def folds_lines(summary: FoldSummary) -> list[str]:
    """Lines for the terminal."""
    lines = [""]
    for task in summary.unmeasured:
        lines += _table(summary, task)
    for part, result in summary.results.items():
        lines += _measured(part, Results.from_dict(result))
    return [*lines, *_unmeasured(summary), summary.note, ""]


def fold_scores_of(summary: FoldSummary) -> dict[str, str]:
    """Those of FOLD_SCORES that there are: where other samples chose the epoch, none was best on the fold."""
    return {name: words for name, words in FOLD_SCORES.items() if not (summary.nested and name == "best")}


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


def _measured(part: str, results: Results) -> list[str]:
    """The main scores of all folds as one table, or of the averaged bundle on the test part."""
    which, _, task = part.partition(".")
    whose = "averaged bundle, test part" if which == "test" else "all samples, out of fold"
    scores = [
        f"{SCORE_NAMES[name]} {found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
        for name, found in results.scores.items()
        if name in ("accuracy", "macro_f1", "ece")
    ]
    return [f"{whose}{f', {task}' if task else ''}: {', '.join(scores)}"]


def _unmeasured(summary: FoldSummary) -> list[str]:
    return [
        f"unmeasured{f' of {task}' if task else ''}, too rare to be held out: {', '.join(names)}"
        for task, names in summary.unmeasured.items()
        if names
    ]
