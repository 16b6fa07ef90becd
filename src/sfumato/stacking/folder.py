"""The folder of a stack: a cross-validation's folder for each expert, and what is made of all of them."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from sfumato.errors import InputError
from sfumato.folds.plan import FoldPlan
from sfumato.json_file import read_json, write_json
from sfumato.recipe.experts import Experts, experts_yaml, load_experts


@dataclass(frozen=True)
class StackFolder:
    """Paths below a stack's folder."""

    path: Path

    @property
    def recipe(self) -> Path:
        """All experts, resolved."""
        return self.path / "recipe.yaml"

    @property
    def dealt(self) -> Path:
        """The fold of every sample that any expert can look at."""
        return self.path / "folds.csv"

    @property
    def plan(self) -> Path:
        """Which folds there are; written last of what a resumed stack needs."""
        return self.path / "stack.json"

    @property
    def bundle(self) -> Path:
        """The deployable result."""
        return self.path / "bundle"

    @property
    def report(self) -> Path:
        """The page a person looks at; where it stands, all is done."""
        return self.path / "report.html"

    @property
    def ablation(self) -> Path:
        """What pictures and texts add, for machines."""
        return self.path / "ablation.json"

    def expert(self, name: str) -> Path:
        """The cross-validation of an expert."""
        return self.path / "experts" / name

    def write_inputs(self, experts: Experts, plan: FoldPlan) -> None:
        """Write what the experts begin with, and what a resumed stack goes on with."""
        self.recipe.write_text(experts_yaml(experts), encoding="utf-8")
        write_json(self.plan, plan.to_dict())

    def forget_unbegun(self) -> None:
        """Take back what was written if no expert has begun: there is nothing to go on with."""
        if any(self.path.glob("experts/*/fold-*/env.json")):
            return
        shutil.rmtree(self.path / "experts", ignore_errors=True)
        for path in (self.plan, self.recipe, self.dealt):
            path.unlink(missing_ok=True)

    def read_experts(self) -> Experts:
        """As they were begun with."""
        return load_experts(self.recipe)

    def read_plan(self) -> FoldPlan:
        """The folds in the order they are run."""
        return FoldPlan.from_dict(read_json(self.plan), str(self.plan))


def is_stack(path: str | Path) -> bool:
    """Whether a folder is that of a stack."""
    return StackFolder(Path(path)).plan.is_file()


def open_stack(path: str | Path) -> StackFolder:
    """The folder of a stack that exists.

    Raises:
        InputError: There is none.
    """
    if not is_stack(path):
        expected = "the folder that sfumato crossval wrote for experts, such as runs/product-stack-cv"
        raise InputError("no stack there", where=str(path), expected=expected)
    return StackFolder(Path(path))
