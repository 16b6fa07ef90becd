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
        str, typer.Option("--by", metavar="SCORE", help="What ranks: accuracy, balanced_accuracy or macro_f1.")
    ] = "accuracy",
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


def _tell_failures(failed: dict[str, str]) -> None:
    from sfumato.errors import RunError

    if failed:
        name, why = next(iter(failed.items()))
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise RunError(f"{name} failed{more}: {why}")
