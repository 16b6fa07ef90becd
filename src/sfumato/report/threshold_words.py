"""Thresholds in plain words: by which rule, from where on, and how far that can be relied on."""

from collections.abc import Mapping

from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.policies import AnyPolicy
from sfumato.decision.thresholds.answering import AnswerThresholds
from sfumato.decision.thresholds.rules import FBeta, LeastCost, PrecisionFloor, RecallFloor, Rule, Youden
from sfumato.decision.thresholds.thresholds import ClassThreshold, Note, Thresholds
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
    "borrowed": "borrowed from classes like it",
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


def threshold_notes(policies: Mapping[str, AnyPolicy], layout: TaskLayout) -> list[str]:
    """A line for the terminal a task that has thresholds."""
    lines = {task: _line(policy, layout.spaces[task].names) for task, policy in policies.items()}
    return [f"{of_task('decision.thresholds', task)}: {line}" for task, line in lines.items() if line]


def _line(policy: AnyPolicy, names: tuple[str, ...]) -> str:
    """Empty where there are none."""
    if isinstance(policy, MultilabelPolicy):
        return f"classes are named from {_listed(policy.thresholds, names)}"
    found = policy.thresholds
    if found is None or found.positive is None:
        return f"answers are withheld below {_listed(found.fitted, names)}" if found else ""
    return _of_two(found, names[found.positive], names[1 - found.positive])


def _of_two(found: AnswerThresholds, name: str, other: str) -> str:
    (row,) = found.fitted.classes
    return f"{name!r} from {row.threshold:.3f} on, else {other!r}; {_why(found.fitted)}{_how_sure(row)}"


def _listed(fitted: Thresholds, names: tuple[str, ...]) -> str:
    values = fitted.values.tolist()
    shown = ", ".join(f"{name} {value:.3f}" for name, value in zip(names, values, strict=True))
    if len(names) > LISTED:
        shown = f"{min(values):.3f} to {max(values):.3f}, thresholds.json has each"
    return f"{shown}; {_why(fitted)}{_never(fitted, names)}"


def _never(fitted: Thresholds, names: tuple[str, ...]) -> str:
    """Classes of which every image is missed from these thresholds on."""
    pairs = zip(names, fitted.classes, strict=True)
    silent = [name for name, row in pairs if row.positives and not row.recall]
    shown = ", ".join(silent[:LISTED]) + (" ..." if len(silent) > LISTED else "")
    return f"; of {shown} no image reaches it" if silent else ""


def _why(fitted: Thresholds) -> str:
    rule, samples = rule_words(fitted.rule), fitted.samples
    if isinstance(fitted.rule, LeastCost):
        return rule
    return f"{rule} on {many(samples, 'validation image')}" if samples else NOTES["too few samples"]


def _how_sure(row: ClassThreshold) -> str:
    if row.low is not None and row.high is not None:
        return f", {row.low:.3f} to {row.high:.3f} in resamples of them"
    return "" if row.note in ("too few samples", "from costs") else f", {NOTES[row.note]}"
