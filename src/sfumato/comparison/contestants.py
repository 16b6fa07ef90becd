"""Who takes part: recipes that are trained, and runs that are taken as they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sfumato.comparison.grid import Grid, Point, points
from sfumato.comparison.seed_list import PRESET, read_list
from sfumato.document import is_file
from sfumato.errors import InputError
from sfumato.folds.folder import CrossvalFolder
from sfumato.recipe.load import ENDINGS, load_recipe
from sfumato.recipe.schema import Recipe
from sfumato.run_folder import RunFolder

Source = str | Path | Recipe | Mapping[str, Any]
"""A recipe in any form, a JSON list of configurations, or the folder of a finished run or cross-validation."""


@dataclass(frozen=True)
class Contestant:
    """One that takes part."""

    name: str
    """Unique among all, and fit for a folder."""
    recipe: Recipe | None = None
    """What to train; None = it is finished."""
    given: Path | None = None
    """Folder of a finished run or cross-validation; None = it is to be trained."""


def contestants(
    sources: Sequence[Source], overrides: Mapping[str, Any] | None = None, grid: Grid | None = None
) -> tuple[Contestant, ...]:
    """All that take part, in the order given, each recipe once for every point of the grid.

    Every recipe is loaded with every value, so that a mistake in any of them is told before anything is trained.

    Raises:
        InputError: A mistake in a recipe, a run that is not finished, fewer than two, two that are the same, or
            settings where there is no recipe they could change.
    """
    combinations = points(grid or {})
    found: list[Contestant] = []
    for source in sources:
        folder = _finished(source)
        if folder is not None:
            found.append(Contestant(folder.resolve().name, given=folder))
        elif _is_list(source):
            for one in read_list(Path(cast(str | Path, source))):
                found += _of_recipe(PRESET, {**one.settings, **(overrides or {})}, combinations, one.name)
        else:
            found += _of_recipe(source, overrides or {}, combinations)
    _check(found, overrides, grid)
    names = _unique([one.name for one in found])
    return tuple(Contestant(name, one.recipe, one.given) for name, one in zip(names, found, strict=True))


def _is_list(source: Source) -> bool:
    """Whether it is a file of several configurations."""
    return isinstance(source, str | Path) and Path(source).suffix.lower() == ".json" and is_file(Path(source))


def _of_recipe(
    source: Source, overrides: Mapping[str, Any], combinations: Iterable[Point], name: str | None = None
) -> list[Contestant]:
    """A recipe at every point; mistakes of `--set` are told before those of the grid."""
    base = load_recipe(source, overrides, "--set" if name is None else name)
    name = name or (_file_name(Path(source)) if isinstance(source, str | Path) else base.recipe.name)
    found: list[Contestant] = []
    for point in combinations:
        loaded = load_recipe(source, {**overrides, **point.overrides}, "--grid") if point.overrides else base
        with loaded.located():
            _ = loaded.recipe.data.given
        found.append(Contestant(f"{name},{point.name}" if point.name else name, loaded.recipe))
    return found


def _file_name(path: Path) -> str:
    """Without the ending of a recipe; what follows the point in fashion-44-v2.1 is none."""
    return path.stem if path.suffix.lower() in ENDINGS else path.name


def _finished(source: Source) -> Path | None:
    """The folder of a run or cross-validation; None where the source is a recipe.

    Raises:
        InputError: It is one that is not finished, or a folder of something else that has a bundle.
    """
    if not isinstance(source, str | Path):
        return None
    path = Path(source)
    run, folds = RunFolder(path), CrossvalFolder(path)
    verb = "train" if run.environment.is_file() else "crossval" if folds.plan.is_file() else None
    if verb is None:
        if run.bundle.is_dir():
            what, expected = "has a bundle and is no run", "recipes, and folders of finished runs or cross-validations"
            raise InputError(what, where=str(path), expected=expected)
        return None
    if not run.bundle.is_dir():
        raise InputError("is not finished", where=str(path), mend=f"go on with: sfumato {verb} --resume {path}")
    return path


def _check(found: list[Contestant], overrides: Mapping[str, Any] | None, grid: Grid | None) -> None:
    recipes = [one for one in found if one.recipe is not None]
    for option, given in (("--grid", grid), ("--set", overrides)):
        if given and not recipes:
            raise InputError(
                f"{option}: there is no recipe among them to change", expected="a recipe, or no such option"
            )
    if len(found) < 2:
        few = "nothing" if not found else f"{found[0].name} alone"
        raise InputError(
            f"{few} to compare", expected="two recipes or runs, or one recipe with --grid PATH=VALUE,VALUE"
        )
    for place, one in enumerate(found):
        same = next((other for other in found[:place] if _same(one, other)), None)
        if same is not None:
            mend = "--grid train.seed=0,1,2 trains one recipe with several seeds"
            raise InputError(f"{one.name} is the same as {same.name}", mend=mend)


def _same(one: Contestant, other: Contestant) -> bool:
    """Whether they would be, or are, one and the same training; the name of a recipe changes nothing of it."""
    if one.given and other.given:
        return one.given.resolve() == other.given.resolve()
    if one.recipe is None or other.recipe is None:
        return False
    return one.recipe.model_copy(update={"name": ""}) == other.recipe.model_copy(update={"name": ""})


def _unique(names: list[str]) -> list[str]:
    """The second of a name gets a number, and so on; names that differ in case alone could share a folder."""
    found: list[str] = []
    for name in names:
        number, free = 1, name
        while free.casefold() in {one.casefold() for one in found}:
            number += 1
            free = f"{name}-{number}"
        found.append(free)
    return found
