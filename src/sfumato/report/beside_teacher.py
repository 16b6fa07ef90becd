"""Student and teacher side by side: how large each is, and what each reaches."""

from dataclasses import dataclass

from sfumato.models.network import Network, needed
from sfumato.report.evidence import Evidence
from sfumato.short import short
from sfumato.tasks import of_task
from sfumato.teaching.agreement import splits_of
from sfumato.teaching.teacher import TeacherFacts

NAMES = {"accuracy": "accuracy", "macro_f1": "macro-F1"}


@dataclass(frozen=True)
class Beside:
    """Teacher and student in one task."""

    part: str
    """Part of the samples, of several tasks PART.TASK."""
    sizes: tuple[int, int]
    """Parameters of teacher and student."""
    scores: dict[str, tuple[float | None, float]]
    """Name of a score -> that of teacher and student; None = the teacher was not measured there."""
    same: bool
    """Whether both were measured on the same samples, as far as is known."""


def beside_teacher(evidence: Evidence) -> list[Beside]:
    """One a task that was measured; none without a teacher."""
    facts, prepared = evidence.prepared.teacher, evidence.prepared
    if facts is None:
        return []
    sizes, same = (facts.parameters, parameters(prepared.model)), splits_of(prepared.table) in facts.splits
    return [
        Beside(of_task(own.measured.part, task), sizes, _scores(own, facts, task), same)
        for task, own in evidence.by_task.items()
        if own.measured
    ]


def parameters(model: Network) -> int:
    """Numbers that the bundle's network needs."""
    return sum(parameter.numel() for name, parameter in model.named_parameters() if needed(name))


def teacher_lines(found: Beside) -> list[str]:
    """A line for the teacher and one for the student."""
    teacher, student = found.sizes
    where = "" if found.same else "   (the teacher perhaps on other samples)"
    head = f"{'':20}parameters   " + "".join(f"{name:>10}" for name in found.scores)
    first, second = zip(*found.scores.values(), strict=True)
    shown = "".join(f"{'-' if value is None else f'{value:.3f}':>10}" for value in first)
    own = "".join(f"{value:>10.3f}" for value in second)
    return [
        f"{head}   {found.part}{where}",
        f"  {'teacher':18}{short(teacher):10}   {shown}",
        f"  {'student':18}{f'{short(student)}, {100 * student / teacher:.0f} %':13}{own}",
        "",
    ]


def _scores(own: Evidence, facts: TeacherFacts, task: str) -> dict[str, tuple[float | None, float]]:
    assert own.measured is not None
    theirs = facts.scores.get(of_task(own.measured.part, task), {})
    mine = own.measured.results.scores
    return {shown: (theirs.get(name), mine[name].value) for name, shown in NAMES.items() if name in mine}
