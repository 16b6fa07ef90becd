"""The end of a soup of runs as plain text: what was tried, what was chosen by, and what the soup reaches."""

from typing import Any

from sfumato.metrics.results import Results
from sfumato.report.summary import SCORE_NAMES
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
    lines: list[str] = []
    for part, result in metrics.items():
        scores = Results.from_dict(result).scores
        lines.append(f"{'':20}{part}    95 % interval")
        lines += [
            f"  {SCORE_NAMES[name]:18}{one.value:.3f}   {one.low:.3f} to {one.high:.3f}"
            for name, one in scores.items()
            if name in SCORE_NAMES
        ]
    return lines
