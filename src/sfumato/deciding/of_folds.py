"""A cross-validation's folder with another decision: each fold's, and that of them all."""

import shutil
from collections.abc import Mapping
from typing import Any

from sfumato.console import Console
from sfumato.deciding.of_run import decide_run
from sfumato.deciding.settings import changed_recipe
from sfumato.errors import InputError
from sfumato.folds.conclusion import conclude
from sfumato.folds.folder import CrossvalFolder
from sfumato.recipe.decision_checks import refuse_averaged_narrowing, refuse_energy
from sfumato.recipe.load import to_yaml


def decide_folds(source: CrossvalFolder, target: CrossvalFolder, settings: Mapping[str, Any], console: Console) -> None:
    """Write into an empty folder what the cross-validation would be, had its recipe had these settings.

    Every fold keeps what it said in all views that were asked for, so the choice among them is made anew too.

    Args:
        source: A finished one; nothing in it is changed.
        target: Where it ends up.
        settings: Recipe path -> value, all below `decision`.
        console: Shows which fold it is at.

    Raises:
        InputError: A setting that can't be had, or a fold is not finished or damaged.
    """
    if not source.bundle.exists():
        mend = f"`sfumato crossval --resume {source.path}` goes on with it"
        raise InputError("no bundle there: not all folds are finished", where=str(source.path), mend=mend)
    recipe, places = changed_recipe(source.recipe, settings).recipe, range(len(source.read_plan().folds))
    refuse_energy(recipe.decision, "the folds' networks are averaged")
    refuse_averaged_narrowing(recipe.decision)
    for index in console.progress(places, len(places), "deciding", "folds/s"):
        decide_run(source.run(index), target.run(index), settings, Console(quiet=True))
    target.recipe.write_text(to_yaml(recipe), encoding="utf-8")
    shutil.copyfile(source.plan, target.plan)
    conclude(target, console)
