"""What became of a check."""

from dataclasses import dataclass
from typing import Any, Literal

from sfumato.report.checks.catalogue import CHECKS, DOCS, CheckKind

State = Literal["found", "fine", "not applicable"]


@dataclass(frozen=True)
class Check:
    """One check of one task."""

    code: str
    """A key of CHECKS."""
    state: State
    text: str
    """What was found; why it is fine; why it does not apply."""
    task: str = ""
    """Which of several tasks it is of; empty where it is of the whole run."""

    @property
    def kind(self) -> CheckKind:
        """Severity, title and advice."""
        return CHECKS[self.code]

    @property
    def docs(self) -> str:
        """Where the docs explain it."""
        return f"{DOCS}#{self.code}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        own = {"code": self.code, "state": self.state, "severity": self.kind.severity, "text": self.text}
        return {**own, "docs": self.docs, **({"task": self.task} if self.task else {})}


def found(code: str, text: str) -> Check:
    """It found something."""
    return Check(code, "found", text)


def fine(code: str, text: str) -> Check:
    """It looked and found nothing."""
    return Check(code, "fine", text)


def skipped(code: str, why: str) -> Check:
    """It could not look."""
    return Check(code, "not applicable", why)


def judged(code: str, text: str, *, wrong: bool) -> Check:
    """It found something where `wrong`; the text says what was seen either way."""
    return found(code, text) if wrong else fine(code, text)
