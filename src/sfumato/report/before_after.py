"""What another decision changes, as plain text: scores of the same samples before and after."""

from collections.abc import Mapping
from typing import Any

from sfumato.report.summary import LABEL_SCORE_NAMES, SCORE_NAMES

_ABSENT = "-"


def before_after_lines(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """A table a part: every score that the terminal shows, of both.

    Args:
        before: Part -> results as JSON, of a run's metrics.json or a cross-validation's summary.
        after: The same of the other decision.
    """
    return [line for part in after if part in before for line in _part(part, before[part], after[part])]


def _part(part: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    names = SCORE_NAMES if "confusion" in after else LABEL_SCORE_NAMES
    shown = [name for name in names if name in before["scores"] or name in after["scores"]]
    rows = [f"  {names[name]:18}{_value(before, name):>8}{_value(after, name):>8}" for name in shown]
    title = f"{part}, fitted on it" if part.partition(".")[0] == "val" else part
    return [f"{title:20}{'before':>8}{'after':>8}", *rows, ""]


def _value(results: Mapping[str, Any], name: str) -> str:
    found = results["scores"].get(name)
    return _ABSENT if found is None else f"{found['value']:.3f}"
