"""Verbs that train several recipes."""

from pathlib import Path
from typing import Annotated

import typer

from sfumato.cli.app import app
from sfumato.cli.options import Json, Quiet, Set, overrides
from sfumato.cli.printing import print_json

Parallel = Annotated[int, typer.Option("--parallel", metavar="N", help="Most trainings at a time.")]


@app.command(epilog="Example: `sfumato compare a.yaml b.yaml runs/c`, `sfumato compare a.yaml --grid train.seed=0,1,2`")
def compare(  # noqa: PLR0913, PLR0917  # an option each
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN|RECIPE...", help="Folders of finished runs, recipes, or both."),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option("--grid", metavar="A.B=X,Y", help="Train each recipe once for each value; more are combined."),
    ] = None,
    set_: Set = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="SCORE",
            help="What ranks: accuracy, balanced_accuracy or macro_f1; of several classes map, macro_f1, micro_f1 or"
            " accuracy. none = the first of these.",
        ),
    ] = None,
    parallel: Parallel = 1,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of it all; none = runs/comparison.")
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="DIR", help="Go on: finished runs are kept, failed ones tried again."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train recipes, take finished runs, and rank them: paired intervals, time, memory, parameters."""
    from sfumato.comparison.comparing import compare as run_comparison
    from sfumato.comparison.grid import parse_grid
    from sfumato.report.standings_table import standings_lines

    fixed = overrides(set_)
    done = run_comparison(
        sources or [],
        overrides=fixed,
        grid=parse_grid(grid or [], fixed),
        out=out,
        parallel=parallel,
        by=by,  # pyright: ignore[reportArgumentType]  # what is none is refused in one line
        resume=resume,
        quiet=quiet,
    )
    if as_json:
        print_json({"folder": str(done.folder), "page": str(done.page), "failed": done.failed, **done.result})
    else:
        lines = [line for table in done.standings for line in standings_lines(table)]
        typer.echo("\n".join([*lines, "", f"table   {done.table}", f"page    {done.page}"]))
    _tell_failures(done.failed)


@app.command(epilog="Example: `sfumato sweep recipe.yaml --space space.yaml --trials 30`")
def sweep(  # noqa: PLR0913, PLR0917  # an option each
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A recipe: a YAML file, or a preset's name.")
    ] = None,
    space: Annotated[
        str | None,
        typer.Option("--space", metavar="YAML", help="Settings to vary: A.B: {low: 1e-4, high: 1e-2, log: true}."),
    ] = None,
    trials: Annotated[
        int | None, typer.Option("--trials", metavar="N", help="How many; none = 20, or as it was begun.")
    ] = None,
    set_: Set = None,
    prune: Annotated[
        bool | None, typer.Option("--prune/--no-prune", help="Stop trials early that fall behind; as a rule they are.")
    ] = None,
    parallel: Parallel = 1,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of it all; none = runs/NAME-sweep.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="DIR", help="Go on with an interrupted one, or to more --trials.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search settings of a recipe by validation (optuna); the test part is measured once, at the end."""
    from sfumato.report.sweep_table import sweep_lines
    from sfumato.sweeping.folder import SweepFolder
    from sfumato.sweeping.sweep import sweep as run_sweep

    done = run_sweep(
        recipe,
        space,
        trials=trials,
        overrides=overrides(set_),
        out=out,
        parallel=parallel,
        prune=prune,
        resume=resume,
        quiet=quiet,
    )
    folder = SweepFolder(done.folder)
    if as_json:
        print_json({"folder": str(done.folder), "best": str(done.recipe), **done.swept.to_dict()})
    else:
        files = (("best", done.recipe), ("table", folder.table), ("picture", folder.picture))
        typer.echo("\n".join([*sweep_lines(done.swept), "", *(f"{name:8}{path}" for name, path in files)]))


def _tell_failures(failed: dict[str, str]) -> None:
    from sfumato.errors import RunError

    if failed:
        name, why = next(iter(failed.items()))
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise RunError(f"{name} failed{more}: {why}")
