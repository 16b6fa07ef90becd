"""The folder that `sfumato cascade` makes: where each thing lies, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from sfumato.cascades.tuning import Tuned
from sfumato.decision.routes import Routes
from sfumato.errors import InputError
from sfumato.json_file import read_json
from sfumato.metrics.cascade_results import CascadeResults

SUMMARY = "cascade.json"


@dataclass(frozen=True)
class Story:
    """How a cascade came about."""

    stages: Mapping[str, str]
    """Stage -> the folder of the bundle that was taken."""
    going_on: str | None
    """Why pictures of the gate's class go on; None = a person named it, or there is no gate."""
    routes: Routes
    tuned: Tuned
    selection: CascadeResults
    """Of the samples that chose the thresholds: no result."""
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    facts: Mapping[str, str]
    """Command, date, versions, hardware."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "stages": dict(self.stages),
            "going_on": self.going_on,
            "routes": self.routes.to_dict(),
            "tuned": self.tuned.to_dict(),
            "selection": self.selection.to_dict(),
            "notes": list(self.notes),
            "warnings": list(self.warnings),
            "facts": dict(self.facts),
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "Story":
        """Read what `to_dict` made; `where` names it in errors."""
        try:
            return cls(
                cast(dict[str, str], document["stages"]),
                cast("str | None", document["going_on"]),
                Routes.from_dict(document["routes"], where),
                Tuned.from_dict(document["tuned"], where),
                CascadeResults.from_dict(document["selection"], where),
                tuple(document["notes"]),
                tuple(document["warnings"]),
                cast(dict[str, str], document["facts"]),
            )
        except (KeyError, TypeError) as error:
            raise InputError(f"not the story of a cascade: {error}", where=where) from None


@dataclass(frozen=True)
class CascadeFolder:
    """A finished cascade, read from its folder."""

    folder: Path

    @property
    def bundle(self) -> Path:
        """One bundle that holds all stages; `sfumato.load` takes it."""
        return self.folder / "bundle"

    @property
    def page(self) -> Path:
        """The page a person looks at."""
        return self.folder / "report.html"

    @property
    def decisions(self) -> Path:
        """A row a sample that chose the thresholds: what is true of it, and what each stage said."""
        return self.folder / "decisions.csv"

    @cached_property
    def story(self) -> Story:
        """How its thresholds were chosen, and what it reaches on the samples that chose them."""
        path = self.folder / SUMMARY
        return Story.from_dict(read_json(path), str(path))
