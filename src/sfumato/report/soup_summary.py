"""The end of a soup of runs as plain text: what was tried, what was chosen by, and what the soup reaches."""

from typing import Any

from sfumato.metrics.multilabel_results import results_from_dict
from sfumato.report.summary import score_lines
from sfumato.report.wording import many


def soup_lines(story: dict[str, Any], metrics: dict[str, Any]) -> list[str]:
    """Lines for the terminal, from what soup.json and the bundle's results hold."""
    by = story["selection"]
    steps = [f"  {step['score']:.4f}  {'in' if step['taken'] else 'out':4} {step['run']}" for step in story["steps"]]
    head = [f"{by['score']} on {many(by['samples'], 'sample')} that choose, {by['origin']}: no result"] if steps else []
    taken = f"{story['kind']} soup of {many(len(story['runs']), 'run')}"
    return ["", *head, *steps, taken, *_measured(metrics), ""]


def _measured(metrics: dict[str, Any]) -> list[str]:
    if not metrics:
        return ["no sample stands in the test part of every run, so nothing is measured"]
    return [
        line
        for part, document in metrics.items()
        for line in score_lines(results_from_dict(document, "the soup's bundle"), part)
    ]
