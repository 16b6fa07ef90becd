"""Thresholds in plain words: by which rule, from where on, and how far that can be relied on."""

from collections.abc import Mapping

from sfumato.decision.policy import Policy
from sfumato.decision.thresholds.answering import AnswerThresholds
from sfumato.decision.thresholds.rules import FBeta, LeastCost, PrecisionFloor, RecallFloor, Rule, Youden
from sfumato.decision.thresholds.thresholds import ClassThreshold, Note
from sfumato.report.wording import many, percent
from sfumato.tasks import TaskLayout, of_task

LISTED = 8
"""Thresholds of more classes are left to thresholds.json."""
NOTES: Mapping[Note, str] = {
    "too few samples": "too few validation images to tell",
    "no positive": "no validation image of it",
    "no negative": "no validation image of another class",
    "never likeliest": "the likeliest of no validation image",
    "scores say nothing": "its images are not shown to score above the others",
    "from costs": "from costs alone",
}


def rule_words(rule: Rule) -> str:
    """What is best by a rule."""
    if isinstance(rule, FBeta):
        return "greatest F1" if rule.beta == 1 else f"greatest F, recall counting {rule.beta:g} times as much"
    if isinstance(rule, PrecisionFloor):
        return f"precision of at least {percent(rule.floor)}"
    if isinstance(rule, RecallFloor):
        return f"recall of at least {percent(rule.floor)}"
    if isinstance(rule, LeastCost):
        return f"least cost, {rule.false_alarm:g} a false alarm and {rule.miss:g} a miss"
    return "greatest recall less false alarms" if isinstance(rule, Youden) else "as many missed as falsely named"


def threshold_notes(policies: Mapping[str, Policy], layout: TaskLayout) -> list[str]:
    """A line for the terminal a task that has thresholds."""
    return [
        f"{of_task('decision.thresholds', task)}: {_line(policy.thresholds, layout.spaces[task].names)}"
        for task, policy in policies.items()
        if policy.thresholds is not None
    ]


def _line(found: AnswerThresholds, names: tuple[str, ...]) -> str:
    rows = {names[place]: row for place, row in zip(found.places, found.fitted.classes, strict=True)}
    why = _why(found)
    if found.positive is not None:
        ((name, row),) = rows.items()
        return f"{name!r} from {row.threshold:.3f} on, else {names[1 - found.positive]!r}; {why}{_how_sure(row)}"
    values = [row.threshold for row in rows.values()]
    shown = ", ".join(f"{name} {row.threshold:.3f}" for name, row in rows.items())
    if len(rows) > LISTED:
        shown = f"{min(values):.3f} to {max(values):.3f}, thresholds.json has each"
    return f"answers are withheld below {shown}; {why}"


def _why(found: AnswerThresholds) -> str:
    rule, samples = rule_words(found.fitted.rule), found.fitted.samples
    if isinstance(found.fitted.rule, LeastCost):
        return rule
    return f"{rule} on {many(samples, 'validation image')}" if samples else NOTES["too few samples"]


def _how_sure(row: ClassThreshold) -> str:
    if row.low is not None and row.high is not None:
        return f", {row.low:.3f} to {row.high:.3f} in resamples of them"
    return "" if row.note in ("too few samples", "from costs") else f", {NOTES[row.note]}"
