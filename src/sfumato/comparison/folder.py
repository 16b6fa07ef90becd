"""The folder of a comparison: what takes part, a run's folder for each that is trained, and what came out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sfumato.comparison.contestants import Contestant
from sfumato.errors import InputError
from sfumato.json_file import read_json, write_json
from sfumato.preparation.parts import completed_unread
from sfumato.processes.pool import Training
from sfumato.recipe.load import load_recipe, to_yaml


@dataclass(frozen=True)
class ComparisonFolder:
    """Paths below a comparison's folder."""

    path: Path

    @property
    def plan(self) -> Path:
        """Who takes part; written last of what a resumed comparison needs."""
        return self.path / "contestants.json"

    @property
    def result(self) -> Path:
        """Every figure, for machines."""
        return self.path / "compare.json"

    @property
    def table(self) -> Path:
        """A row a contestant."""
        return self.path / "compare.csv"

    @property
    def page(self) -> Path:
        """The same to look at."""
        return self.path / "compare.html"

    def training(self, name: str) -> Training:
        """How a contestant is trained."""
        recipe, log = self.path / "recipes" / f"{name}.yaml", self.path / "logs" / f"{name}.txt"
        return Training(name, recipe, self.path / "runs" / name, log)

    def write_inputs(self, found: Sequence[Contestant]) -> None:
        """Write what every training begins with, and what a resumed comparison goes on with."""
        given = {one.name: one.recipe for one in found if one.recipe is not None}
        for name, recipe in zip(given, completed_unread(list(given.values())), strict=True):
            path = self.training(name).recipe
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(to_yaml(recipe), encoding="utf-8")
        rows = [{"name": one.name, "given": str(one.given.resolve()) if one.given else None} for one in found]
        write_json(self.plan, {"contestants": rows})

    def read_contestants(self) -> tuple[Contestant, ...]:
        """Who takes part, in the order given."""
        rows = read_json(self.plan).get("contestants")
        if not isinstance(rows, list) or not all(_is_row(row) for row in cast(list[object], rows)):
            raise InputError("damaged: no list of contestants", where=str(self.plan))
        return tuple(self._contestant(row["name"], row["given"]) for row in cast(list[dict[str, Any]], rows))

    def _contestant(self, name: str, given: str | None) -> Contestant:
        if given is not None:
            return Contestant(name, given=Path(given))
        return Contestant(name, load_recipe(self.training(name).recipe).recipe)


def open_comparison(path: str | Path) -> ComparisonFolder:
    """The folder of a comparison that exists.

    Raises:
        InputError: There is none.
    """
    folder = ComparisonFolder(Path(path))
    if not folder.plan.is_file():
        expected = "the folder that sfumato compare wrote, such as runs/comparison"
        raise InputError("no comparison there", where=str(path), expected=expected)
    return folder


def _is_row(row: object) -> bool:
    """A name that leads out of the folder is no name."""
    if not isinstance(row, dict):
        return False
    found = cast(dict[str, object], row)
    name, given = found.get("name"), found.get("given", 0)
    return isinstance(name, str) and Path(name).name == name and (given is None or isinstance(given, str))
