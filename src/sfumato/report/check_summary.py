"""A check as plain text, a line a finding, and as JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sfumato.data.health.catalogue import DOCS, KINDS
from sfumato.data.health.examination import Examined
from sfumato.data.health.findings import Finding
from sfumato.report.check_frames import SHOWN, inventory, verdict
from sfumato.report.wording import count

WIDEST = max(map(len, KINDS))
"""Characters of the longest code."""


def check_lines(examined: Examined, page: Path) -> list[str]:
    """Lines for the terminal: what there is, then what was found, most severe first, each with an example."""
    facts = [f"  {what:12}{value}" for what, value in inventory(examined)]
    notes = [f"  {note}" for note in examined.table.notes]
    found = [_line(finding) for finding in examined.findings]
    explained = ["", f"docs/{DOCS} explains each code.", ""] if found else []
    return ["", *verdict(examined), "", *facts, *notes, "", *found, *explained, f"page  {page}"]


def check_json(examined: Examined, folder: Path, page: Path) -> dict[str, Any]:
    """The same for machines; of each finding the first samples, all of them are in data/findings.csv."""
    probe = examined.probe
    return {
        "folder": str(folder),
        "page": str(page),
        "samples": len(examined.table),
        "unusable": examined.bad["id"].n_unique(),
        "classes": {row["label"]: row["count"] for row in examined.classes.to_dicts()},
        "background": None
        if probe is None
        else {"accuracy": probe.score, "chance": probe.chance, "limit": probe.limit},
        "findings": [_document(finding) for finding in examined.findings],
    }


def _line(finding: Finding) -> str:
    first = finding.samples.row(0, named=True)
    number = count(len(finding))
    start = f"  {finding.kind.severity:8}{number:>8}  {finding.code:{WIDEST}}  "
    return f"{start}{finding.kind.title}, such as {_example(first)}"


def _example(first: Mapping[str, str | None]) -> str:
    """A sample in a few words; of a class without one, what is said of the class."""
    if first["id"] is None:
        return first["detail"] or ""
    other, detail = first["other_id"], first["detail"]
    return f"{first['id']}{f' and {other}' if other else ''}{f' ({detail})' if detail else ''}"


def _document(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.kind.severity,
        "title": finding.kind.title,
        "count": len(finding),
        "summary": finding.summary,
        "advice": finding.kind.advice,
        "docs": finding.docs,
        "samples": finding.samples.head(SHOWN).to_dicts(),
    }
