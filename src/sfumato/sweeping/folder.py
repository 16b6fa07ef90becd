"""The folder of a sweep: the recipe and its space, the database of trials, a run's folder for each, and the best."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfumato.errors import InputError
from sfumato.json_file import read_json, write_json
from sfumato.processes.pool import Training
from sfumato.recipe.load import load_recipe, to_yaml
from sfumato.recipe.schema import Recipe
from sfumato.run_folder import RunFolder
from sfumato.sweeping.space import Space, read_space, to_mapping
from sfumato.yaml_text import write_mapping


@dataclass(frozen=True)
class SweepFolder:
    """Paths below a sweep's folder."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The resolved recipe that is varied."""
        return self.path / "recipe.yaml"

    @property
    def space(self) -> Path:
        """What is varied."""
        return self.path / "space.yaml"

    @property
    def plan(self) -> Path:
        """How many trials, and whether poor ones are stopped; written last of what a resumed sweep needs."""
        return self.path / "plan.json"

    @property
    def database(self) -> Path:
        """What optuna knows of every trial; SQLite."""
        return self.path / "sweep.db"

    @property
    def table(self) -> Path:
        """A row a trial."""
        return self.path / "sweep.csv"

    @property
    def picture(self) -> Path:
        """The score of every trial, and which settings matter."""
        return self.path / "sweep.svg"

    @property
    def result(self) -> Path:
        """Every figure, for machines."""
        return self.path / "sweep.json"

    @property
    def best(self) -> Path:
        """The recipe of the best trial."""
        return self.path / "best.yaml"

    def training(self, number: int) -> Training:
        """How a trial is trained: the test part is left alone."""
        name = f"trial-{number:03}"
        recipe, log = self.path / "recipes" / f"{name}.yaml", self.path / "logs" / f"{name}.txt"
        return Training(name, recipe, self.run(number).path, log, measure_test=False)

    def run(self, number: int) -> RunFolder:
        """The run of a trial."""
        return RunFolder(self.path / "runs" / f"trial-{number:03}")

    def write_inputs(self, recipe: Recipe, space: Space, trials: int, *, prune: bool) -> None:
        """Write what a resumed sweep goes on with."""
        self.recipe.write_text(to_yaml(recipe), encoding="utf-8")
        self.space.write_text(write_mapping(to_mapping(space)), encoding="utf-8")
        self.write_plan(trials, prune=prune)

    def write_plan(self, trials: int, *, prune: bool) -> None:
        """Write how far to go."""
        write_json(self.plan, {"trials": trials, "prune": prune})

    def read_plan(self) -> tuple[int, bool]:
        """Trials, and whether poor ones are stopped."""
        document: dict[str, Any] = read_json(self.plan)
        trials, prune = document.get("trials"), document.get("prune")
        if type(trials) is not int or not isinstance(prune, bool):
            raise InputError("damaged: no number of trials", where=str(self.plan))
        return trials, prune

    def read_recipe(self) -> Recipe:
        """What is varied."""
        return load_recipe(self.recipe).recipe

    def read_space(self) -> Space:
        """How."""
        return read_space(self.space, self.read_recipe())


def open_sweep(path: str | Path) -> SweepFolder:
    """The folder of a sweep that exists.

    Raises:
        InputError: There is none.
    """
    folder = SweepFolder(Path(path))
    if not folder.plan.is_file():
        expected = "the folder that sfumato sweep wrote, such as runs/small-sweep"
        raise InputError("no sweep there", where=str(path), expected=expected)
    return folder
