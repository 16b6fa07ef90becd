"""The story of deciding anew: a finished run, other settings -> the same run with another decision, in a new folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sfumato.console import Console
from sfumato.deciding.of_folds import decide_folds
from sfumato.deciding.of_run import decide_run
from sfumato.deciding.settings import changed_recipe
from sfumato.errors import InputError
from sfumato.folds.cross_validation import CrossValidation
from sfumato.folds.folder import CrossvalFolder
from sfumato.free_folder import emptied_on_failure, free_folder
from sfumato.json_file import read_json
from sfumato.run import Run
from sfumato.run_folder import RunFolder, open_folder

_OTHERS = {
    "ensemble.json": ("an ensemble", "`sfumato ensemble --max-error E` fits it anew"),
    "soup.json": ("a soup", "`sfumato soup` fits it anew"),
}
"""File -> whose folder it is found in, and what to do there."""


def decide(
    run: str | Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    quiet: bool = False,
) -> Run | CrossValidation:
    """Fit calibration, thresholds and abstention of a finished run anew, on its predictions tables; nothing is trained.

    Args:
        run: Folder of a finished run or cross-validation, which is not changed.
        overrides: Recipe path -> value, all below `decision`, such as {"decision.abstain.max_error": 0.02}; None = the
            settings that it has.
        out: A new folder; None = `runs/NAME-decided`, numbered if need be.
        quiet: Show nothing.

    Raises:
        InputError: No finished run there, or a setting that can't be had; nothing was written.
    """
    console, settings, source = Console(quiet=quiet), overrides or {}, Path(run)
    folds = CrossvalFolder(source)
    found = None if folds.plan.is_file() else _open_run(source)
    changed_recipe(folds.recipe if found is None else found.recipe, settings)  # before a folder is made
    with free_folder(out, f"{source.resolve().name}-decided") as path, emptied_on_failure(path):
        if found is None:
            decide_folds(folds, CrossvalFolder(path), settings, console)
            return CrossValidation(path)
        decide_run(found, RunFolder(path), settings, console)
    return Run(path)


def scores_of(run: str | Path) -> dict[str, Any]:
    """Part -> results, as JSON, of a finished run or cross-validation; of several tasks `PART.TASK`."""
    folds = CrossvalFolder(Path(run))
    return folds.read_summary().results if folds.plan.is_file() else read_json(RunFolder(Path(run)).metrics)


def _open_run(path: Path) -> RunFolder:
    """The folder of a run, refused where it is that of something else."""
    for name, (what, mend) in _OTHERS.items():
        if (path / name).is_file():
            raise InputError(what, where=str(path), expected="the folder of a run or cross-validation", mend=mend)
    return open_folder(path)
