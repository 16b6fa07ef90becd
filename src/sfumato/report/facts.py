"""Plain facts about a run: its data, part by part, and where and how it was trained."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from sfumato.data.table import PARTS, Table
from sfumato.report.beside_teacher import Beside, beside_teacher
from sfumato.report.evidence import Evidence
from sfumato.report.wording import count, many
from sfumato.short import short


@dataclass(frozen=True)
class PartRow:
    """One part of the data."""

    part: str
    images: int
    classes: int
    """Classes with an image in it."""
    largest: str
    """The most frequent class with its images, `1,000 of each` where all are equal; empty where there is none."""
    smallest: str
    """The rarest class that has an image, in the same way."""


def part_rows(table: Table) -> tuple[PartRow, ...]:
    """train, val, test: one row each, empty parts too."""
    return tuple(_part_row(table.part(name), name) for name in PARTS)


def environment_facts(evidence: Evidence) -> list[tuple[str, str]]:
    """(what, value) pairs for a list; what is not known is left out."""
    found, recipe = evidence.environment, evidence.prepared.recipe
    packages: dict[str, Any] = found.get("packages", {})
    facts = {
        "Data": recipe.data.given,
        "Backbone": recipe.model.title,
        "Teacher": "; ".join(map(_teacher, beside_teacher(evidence))),
        "Training time": _training_time(evidence),
        "Seed": str(recipe.train.seed),
        "Command": str(found.get("command", "")),
        "Began": str(found.get("date", "")).replace("T", " ").removesuffix("+00:00") + " UTC"
        if "date" in found
        else "",
        "Sfumato": str(found.get("sfumato", "")),
        "Python": str(found.get("python", "")),
        "Packages": ", ".join(f"{name} {version}" for name, version in packages.items()),
        "System": str(found.get("system", "")),
        "Processor": str(found.get("processor", "")),
        "Folder": str(evidence.folder.resolve()),
    }
    return [(what, value) for what, value in facts.items() if value]


def _part_row(part: Table, name: str) -> PartRow:
    counts = dict(zip(part.labels.names, part.class_counts.tolist(), strict=True))
    there = {label: images for label, images in counts.items() if images}
    if not there:
        return PartRow(name, 0, 0, "", "")
    if len(set(there.values())) == 1 and len(there) > 1:
        each = f"{count(len(part) // len(there))} of each"
        return PartRow(name, len(part), len(there), each, each)
    largest, smallest = max(there, key=lambda label: there[label]), min(there, key=lambda label: there[label])
    texts = [f"{label} ({count(there[label])})" for label in (largest, smallest)]
    return PartRow(name, len(part), len(there), *texts)


def _teacher(found: Beside) -> str:
    teacher, student = found.sizes
    scores = [f"{name} {'-' if it is None else f'{it:.3f}'}" for name, (it, _) in found.scores.items()]
    size = f"the student has {short(student)}, {100 * student / teacher:.0f} % of them"
    return f"{short(teacher)} parameters ({size}); on {found.part} {', '.join(scores)}" + (
        "" if found.same else ", perhaps on other samples"
    )


def _training_time(evidence: Evidence) -> str:
    seconds = sum(row.get("seconds") or 0 for row in evidence.history)
    speeds = [row.get("images_per_second") or 0 for row in evidence.history]
    if not speeds:
        return ""
    hours, minutes = divmod(round(seconds / 60), 60)
    time = f"{hours} h {minutes} min" if hours else f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
    return f"{time} for {many(len(speeds), 'epoch')}, {median(speeds):.0f} images/s"
