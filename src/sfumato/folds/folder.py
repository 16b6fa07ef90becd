"""The folder of a cross-validation: a run's folder for each fold, and what is made of all of them."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from sfumato.errors import InputError
from sfumato.folds.plan import FoldPlan
from sfumato.json_file import read_json, write_json
from sfumato.metrics.folds import FoldSummary
from sfumato.recipe.load import to_yaml
from sfumato.recipe.schema import Recipe
from sfumato.run_folder import RunFolder
from sfumato.tasks import key, of_task


@dataclass(frozen=True)
class CrossvalFolder:
    """Paths below a cross-validation's folder."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The resolved recipe, which names no fold."""
        return self.path / "recipe.yaml"

    @property
    def plan(self) -> Path:
        """Which folds there are; written last of what a resumed cross-validation needs."""
        return self.path / "folds.json"

    @property
    def summary(self) -> Path:
        """Mean, spread and each fold of every score."""
        return self.path / "cv_summary.json"

    @property
    def views(self) -> Path:
        """Which views are used, and what was tried; there where the recipe asks for a choice."""
        return self.path / "views.json"

    @property
    def picture(self) -> Path:
        """The same to look at."""
        return self.path / "cv.svg"

    @property
    def report(self) -> Path:
        """The page a person looks at."""
        return self.path / "report.html"

    @property
    def bundle(self) -> Path:
        """The deployable result, which averages the folds; where it stands, all is done."""
        return self.path / "bundle"

    def predictions(self, part: str, task: str = "") -> Path:
        """The predictions table `oof` or `test`; of one of several tasks."""
        return self.path / "predictions" / f"{of_task(part, key(task))}.parquet"

    def run(self, index: int) -> RunFolder:
        """The run of a fold, by its place."""
        return RunFolder(self.path / f"fold-{index}")

    def write_inputs(self, recipe: Recipe, plan: FoldPlan) -> None:
        """Write what every fold begins with, and what a resumed cross-validation goes on with."""
        self.recipe.write_text(to_yaml(without_fold(recipe)), encoding="utf-8")
        write_json(self.plan, plan.to_dict())

    def forget_inputs(self) -> None:
        """Take back what `write_inputs` wrote, since nothing came of it."""
        for path in (self.plan, self.recipe):
            path.unlink(missing_ok=True)
        if not any(self.path.iterdir()):
            self.path.rmdir()

    def read_plan(self) -> FoldPlan:
        """The folds in the order they are run."""
        return FoldPlan.from_dict(read_json(self.plan), str(self.plan))

    def read_summary(self) -> FoldSummary:
        """What was measured."""
        return FoldSummary.from_dict(read_json(self.summary), str(self.summary))

    def clear_unbegun(self, index: int) -> None:
        """Remove what a fold left that was killed before it had all it could go on with; nothing was trained yet."""
        run = self.run(index)
        if run.path.exists() and not run.environment.is_file():
            shutil.rmtree(run.path)


def without_fold(recipe: Recipe) -> Recipe:
    """The recipe that all folds share."""
    split = recipe.data.split.model_copy(update={"folds": None, "fold": None, "fold_part": "val"})
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"split": split})})


def open_crossval(path: str | Path) -> CrossvalFolder:
    """The folder of a cross-validation that exists.

    Raises:
        InputError: There is none.
    """
    folder = CrossvalFolder(Path(path))
    if not folder.plan.is_file():
        expected = "the folder that sfumato crossval wrote, such as runs/small-cv"
        raise InputError("no cross-validation there", where=str(path), expected=expected)
    return folder
