"""A sweep as plain text for the terminal, and as a CSV file."""

import json
from pathlib import Path

import polars as pl

from sfumato.metrics.multilabel_results import AnyResults, MultilabelResults
from sfumato.report.summary import LABEL_SCORE_NAMES, SCORE_NAMES
from sfumato.report.sweep_frame import Swept, Trial
from sfumato.report.wording import many, percent

SHOWN = 5
"""Best trials in the terminal; the CSV has all."""


def sweep_lines(found: Swept) -> list[str]:
    """Lines for the terminal: the best trials, which settings matter, what the best reaches on the test part."""
    score = select_name(found)
    counts = f"{found.count('done')} to the end, {found.count('stopped')} stopped early, {found.count('failed')} failed"
    lines = ["", f"{many(len(found.trials), 'trial')}: {counts}"]
    if found.best is None:
        return [*lines, "No trial reached its end, so there is no best one."]
    lines += [f"the best by {score} on validation:", *(f"  {trial_line(trial)}" for trial in _best(found))]
    if found.importance:
        shares = ", ".join(f"{path} {percent(share)}" for path, share in found.importance.items())
        lines.append(f"of the differences in {score} explained by: {shares}")
    lines.append(
        f"The best of {many(found.count('done'), 'trial')}, at its best epoch: on validation its figure is optimistic."
    )
    return [*lines, *_test_lines(found)]


def trial_line(trial: Trial) -> str:
    """A trial in one line."""
    shown = {"done": "", "stopped": f", stopped after {many(trial.epochs, 'epoch')}", "failed": ", failed"}
    value = trial.reached if trial.score is None else trial.score
    figure = "-" if value is None else f"{value:.4f}"
    settings = ", ".join(f"{path} {_text(value)}" for path, value in trial.settings.items())
    return f"trial {trial.number}: {figure}{shown[trial.state]}; {settings}"


def write_trials(path: Path, found: Swept) -> None:
    """Write sweep.csv: a row a trial, a column a setting."""
    rows = [
        {
            "trial": trial.number,
            "state": trial.state,
            f"val_{found.select}": trial.score,
            f"reached_{found.select}": trial.reached,
            "epochs_seen": trial.epochs,
            **{name: _cell(value) for name, value in trial.settings.items()},
        }
        for trial in found.trials
    ]
    pl.DataFrame(rows, infer_schema_length=None, strict=False).write_csv(path)


def _cell(value: object) -> object:
    """Numbers as numbers; what a CSV has no word for as JSON."""
    return value if isinstance(value, int | float | str | None) else json.dumps(value, ensure_ascii=False)


def _best(found: Swept) -> list[Trial]:
    done = [trial for trial in found.trials if trial.score is not None]
    return sorted(done, key=lambda trial: -(trial.score or 0.0))[:SHOWN]


def _test_lines(found: Swept) -> list[str]:
    if not found.test:
        return ["There is no test part, so there is no figure to report."]
    return [
        f"test part{f', {task}' if task else ''}, seen by no trial and measured once: "
        + ", ".join(f"{score} {results.scores[name]}" for name, score in _shown(results) if name in results.scores)
        for task, results in found.test.items()
    ]


def _shown(results: AnyResults) -> list[tuple[str, str]]:
    """The scores of a test part with the names that people read."""
    several = isinstance(results, MultilabelResults)
    names, shown = (LABEL_SCORE_NAMES, ("map", "macro_f1")) if several else (SCORE_NAMES, ("accuracy", "macro_f1"))
    return [(name, names[name]) for name in shown]


def select_name(found: Swept) -> str:
    """The score that chose, as people read it."""
    several = any(isinstance(results, MultilabelResults) for results in found.test.values())
    return (SCORE_NAMES | LABEL_SCORE_NAMES if several else LABEL_SCORE_NAMES | SCORE_NAMES)[found.select]


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
