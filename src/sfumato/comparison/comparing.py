"""The story of a comparison: contestants -> a run each -> answers to the same samples -> standings, table and page."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sfumato.comparison.contestants import Contestant, Source, contestants
from sfumato.comparison.folder import ComparisonFolder, open_comparison
from sfumato.comparison.grid import Grid, check_grid
from sfumato.comparison.measured import Outcome, read_outcome
from sfumato.comparison.running import train_all
from sfumato.comparison.standing import chosen_score, difference, shared_part, standings
from sfumato.console import Console
from sfumato.data.source import read_table
from sfumato.errors import InputError
from sfumato.free_folder import free_folder
from sfumato.json_file import read_json, write_json
from sfumato.metrics.classification import SCORES
from sfumato.metrics.label_scores import LABEL_SCORES, AnyScoreName
from sfumato.report.standings import Standings
from sfumato.report.standings_page import write_page
from sfumato.report.standings_table import write_table
from sfumato.training.machine import launched
from sfumato.training.stopping import going_on_with


@dataclass(frozen=True)
class Comparison:
    """A finished comparison."""

    folder: Path
    standings: tuple[Standings, ...]
    """Of each task; the ranked from the best down, then those that failed or can't be compared, with the reason."""
    failed: dict[str, str]
    """Name -> what its training said last."""

    @property
    def table(self) -> Path:
        """compare.csv: a row a contestant and task."""
        return ComparisonFolder(self.folder).table

    @property
    def page(self) -> Path:
        """compare.html: the same to look at."""
        return ComparisonFolder(self.folder).page

    @cached_property
    def result(self) -> dict[str, Any]:
        """What compare.json holds: every figure."""
        return read_json(ComparisonFolder(self.folder).result)


def compare(
    sources: Sequence[Source] = (),
    *,
    overrides: Mapping[str, Any] | None = None,
    grid: Grid | None = None,
    out: str | Path | None = None,
    parallel: int = 1,
    by: AnyScoreName | None = None,
    resume: str | Path | None = None,
    quiet: bool = False,
) -> Comparison:
    """Train what is a recipe, take what is a finished run, and rank them on the samples they all answered.

    Each recipe is trained in a process of its own. One that fails is reported, and stops no other.

    Args:
        sources: Recipes in any form, folders of finished runs and of cross-validations, mixed as you like.
        overrides: Recipe path -> value, for every recipe.
        grid: Recipe path -> values; every recipe is trained once for each combination.
        out: Folder of it all; None = `runs/comparison`, numbered if need be.
        parallel: Most trainings at a time, from 1.
        by: Score that ranks: accuracy, balanced_accuracy or macro_f1; where an image may be of several classes map,
            macro_f1, micro_f1 or accuracy, which is exact match there. None = the first of these.
        resume: Folder of an earlier comparison: what is finished is kept, what was interrupted goes on exactly,
            and what failed is tried again.
        quiet: Show nothing.

    Raises:
        InputError: A mistake in any recipe or argument; nothing was trained.
        Interrupted: Ctrl-C or SIGTERM; the message says how to go on.
    """
    console = Console(quiet=quiet)
    _check(parallel, by, resume, sources, overrides, grid, out)
    folder = open_comparison(resume) if resume is not None else _begin(sources, overrides, grid or {}, out, by)
    found = folder.read_contestants()
    with going_on_with(f"sfumato compare --resume {shlex.quote(str(folder.path))}"):
        failed = train_all(folder, found, parallel, console)
        return _conclude(folder, found, failed, by)


def _check(
    parallel: int,
    by: AnyScoreName | None,
    resume: str | Path | None,
    sources: Sequence[Source],
    overrides: Mapping[str, Any] | None,
    grid: Grid | None,
    out: str | Path | None,
) -> None:
    if launched()[1] > 1:
        raise InputError(f"{launched()[1]} processes for a comparison", expected="one; it starts its own")
    if isinstance(sources, str):
        raise InputError(f"{sources!r} alone", expected="a list of recipes and folders")
    if parallel < 1:
        raise InputError(f"--parallel {parallel}", expected="a number from 1")
    if by is not None and by not in _SCORES:
        raise InputError(f"--by {by}", expected=", ".join(_SCORES))
    if resume is not None and (sources or overrides or grid or out):
        raise InputError("a resumed comparison goes on with its own contestants", expected="--resume without recipes")
    check_grid(grid or {}, overrides)


_SCORES = tuple(dict.fromkeys((*SCORES, *LABEL_SCORES)))


def _begin(
    sources: Sequence[Source],
    overrides: Mapping[str, Any] | None,
    grid: Grid,
    out: str | Path | None,
    by: AnyScoreName | None,
) -> ComparisonFolder:
    """A new folder; everything that can be known to be wrong is told before it is made."""
    found = contestants(sources, overrides, grid)
    _refuse_unlike([one for one in found if one.given is not None])
    if by is not None and not (by in SCORES and by in LABEL_SCORES):
        _refuse_unfit(by, found)
    with free_folder(out, "comparison") as path:
        path.mkdir(parents=True, exist_ok=True)
        folder = ComparisonFolder(path)
        folder.write_inputs(found)
    return folder


def _refuse_unfit(by: AnyScoreName, found: Sequence[Contestant]) -> None:
    """Refuse a score that there is not of the classes that an image may have, before anything is trained."""
    for one in found:
        if one.recipe is not None:
            chosen_score(by, multilabel=read_table(one.recipe.data).layout.multilabel)
        elif one.given is not None:
            for answers in read_outcome(one.given).answers.values():
                chosen_score(by, multilabel=answers.multilabel)


def _refuse_unlike(given: Sequence[Contestant]) -> None:
    """Refuse finished runs that did not answer the same samples: no pairs can be made of them."""
    outcomes = {one.name: read_outcome(one.given) for one in given if one.given is not None}
    if len(outcomes) < 2:
        return
    (first, reference), *others = outcomes.items()
    for name, outcome in others:
        if outcome.tasks and reference.tasks and set(outcome.tasks) != set(reference.tasks):
            asked = [", ".join(filter(None, one.tasks)) or "a single one" for one in (outcome, reference)]
            what = f"{name} can't be compared with {first}: it answers other questions, {asked[0]}, not {asked[1]}"
            raise InputError(what, expected="runs with the same label columns")
    for task in reference.tasks:
        part = shared_part(list(outcomes.values()), task)
        for name, outcome in others:
            own, wanted = outcome.answers.get((task, part)), reference.answers.get((task, part))
            if wanted is None or own is None:
                lacking = first if wanted is None else name
                raise InputError(f"{lacking}: nothing measured to compare it by", expected="a test part, or a val part")
            why = difference(own, wanted)
            if why:
                raise InputError(f"{name} can't be compared with {first}: {why}", expected="runs of one split")


def _conclude(
    folder: ComparisonFolder, found: Sequence[Contestant], failed: Mapping[str, str], by: AnyScoreName | None
) -> Comparison:
    """Read what came out, rank it, and write table and page."""
    outcomes: dict[str, Outcome] = {}
    problems = dict(failed)
    for one in found:
        if one.name not in failed:
            try:
                outcomes[one.name] = read_outcome(one.given or folder.training(one.name).run)
            except InputError as error:
                problems[one.name] = str(error)
    tables = standings([one.name for one in found], outcomes, problems, by)
    write_json(folder.result, {"tasks": [table.to_dict() for table in tables]})
    write_table(folder.table, tables)
    write_page(folder.page, tables, {one.name: one.recipe for one in found if one.recipe}, folder.path.resolve().name)
    return Comparison(folder.path, tables, {one.name: problems[one.name] for one in found if one.name in problems})
