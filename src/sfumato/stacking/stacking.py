"""The story of a stack: folds are dealt, each expert is cross-validated in them, and all are fused to one bundle."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sfumato.console import Console
from sfumato.ensembles.ensembling import Ensemble, fuse
from sfumato.errors import InputError
from sfumato.folds.choice import Folds
from sfumato.folds.cross_validation import CrossValidation, crossval
from sfumato.folds.folder import CrossvalFolder
from sfumato.free_folder import free_folder
from sfumato.json_file import read_json
from sfumato.metrics.ablation import Ablation
from sfumato.recipe.experts import Experts, load_experts
from sfumato.stacking.dealing import choose, deal, dealt_recipe
from sfumato.stacking.folder import StackFolder, open_stack
from sfumato.stacking.report import conclude
from sfumato.training.records import Noted
from sfumato.training.stopping import going_on_with


@dataclass(frozen=True)
class Stack:
    """A finished stack, read from its folder."""

    folder: Path

    @property
    def bundle(self) -> Path:
        """One bundle that holds all experts; `sfumato.load` takes it."""
        return StackFolder(self.folder).bundle

    @property
    def report(self) -> Path:
        """One HTML page of all experts."""
        return StackFolder(self.folder).report

    @cached_property
    def experts(self) -> dict[str, CrossValidation]:
        """The cross-validation of each."""
        folder = StackFolder(self.folder)
        return {name: CrossValidation(folder.expert(name)) for name in folder.read_experts().recipes}

    @cached_property
    def ablation(self) -> Ablation:
        """What pictures, texts and both are worth, out of fold."""
        path = StackFolder(self.folder).ablation
        return Ablation.from_dict(read_json(path), str(path))

    @cached_property
    def ensemble(self) -> Ensemble:
        """How they were fused: weights, cross-fitted predictions, the difference to the best of them."""
        return Ensemble(self.folder)


def stack(
    recipe: str | Path | Mapping[str, Any] | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    folds: Folds = "auto",
    nested: bool = False,
    resume: str | Path | None = None,
    quiet: bool = False,
) -> Stack:
    """Cross-validate experts over the same samples in the same folds, and fuse them by what they say out of fold.

    Samples that lack a picture or a text stay in: experts that can't look at them say how frequent classes are.

    Args:
        recipe: A file of `experts`, such as the preset product-stack, or its settings as a mapping.
        overrides: Recipe path -> value, such as {"experts.text.train.epochs": 3}.
        out: Folder of it all; None = `runs/NAME-cv`, numbered if need be.
        folds: As `crossval` takes them.
        nested: Likewise, for each expert.
        resume: Folder of an interrupted stack; finished experts are kept, the interrupted one goes on exactly.
        quiet: Show nothing.

    Raises:
        InputError: Something in the recipes, their data or the arguments is wrong.
        Interrupted: Ctrl-C or SIGTERM; the message says how to go on.
        RunError: Training failed.
    """
    console = Console(quiet=quiet)
    if resume is not None and (recipe is not None or overrides or out is not None or folds != "auto" or nested):
        raise InputError("a resumed stack goes on with its own recipes and folds", expected="resume alone")
    if resume is not None:
        folder = open_stack(resume)
        return _finish(folder, folder.read_experts(), console)
    if recipe is None:
        raise InputError("no recipe", expected="a file of experts, such as the preset product-stack")
    experts = load_experts(recipe, overrides)
    choice = choose(experts, folds, nested=nested)
    with free_folder(out, f"{experts.name}-cv") as path:
        folder = StackFolder(path)
        try:
            deal(experts, choice.plan, folder.dealt, console.stage)
            folder.write_inputs(experts, choice.plan)
            console.note(Noted(f"folds: {len(choice.plan.folds)}, {choice.reason}; the same for {_names(experts)}"))
            return _finish(folder, experts, console)
        except InputError:
            folder.forget_unbegun()
            raise


def _finish(folder: StackFolder, experts: Experts, console: Console) -> Stack:
    """Train what is not trained yet, and fuse."""
    if folder.report.exists():
        console.note(Noted(f"{folder.path} is finished already"))
        return Stack(folder.path)
    with going_on_with(f"sfumato crossval --resume {shlex.quote(str(folder.path))}"):
        for name in experts.recipes:
            _train(folder, experts, name, console)
        if not folder.bundle.exists():
            _fuse(folder, experts, console)
        conclude(folder, experts)
    return Stack(folder.path)


def _train(folder: StackFolder, experts: Experts, name: str, console: Console) -> None:
    """Cross-validate an expert, or go on with it."""
    path, quiet, plan = folder.expert(name), console.terminal.quiet, folder.read_plan()
    console.note(Noted(f"expert {name}, {list(experts.recipes).index(name) + 1} of {len(experts.recipes)}"))
    if CrossvalFolder(path).plan.is_file():
        crossval(resume=path, quiet=quiet)
        return
    loaded = experts.recipes[name]
    with loaded.located():
        recipe = dealt_recipe(loaded.recipe, folder.dealt)
        crossval(recipe, folds="given", nested=plan.nested, out=path, quiet=quiet)


def _fuse(folder: StackFolder, experts: Experts, console: Console) -> None:
    """From what the experts say out of fold to one bundle."""
    places = [folder.expert(name) for name in experts.recipes]
    fuse(folder.path, places, experts.fusion.kind, experts.fusion.weights, console)


def _names(experts: Experts) -> str:
    *most, last = experts.recipes
    return f"{', '.join(most)} and {last}"
