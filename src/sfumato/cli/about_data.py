"""Verbs that look at data."""

from pathlib import Path
from typing import Annotated

import typer

from sfumato.cli.app import app
from sfumato.cli.options import Json, Quiet, Set, overrides
from sfumato.cli.printing import print_json


@app.command(epilog="Example: `sfumato init photos/ > recipe.yaml`")
def init(
    data: Annotated[str, typer.Argument(metavar="DATA", help="A folder or a table, as data.source takes it.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="A.B=C", help="How to read the data: data.columns.label=diagnosis; may repeat."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look at data and write a recipe that trains as it stands, each choice with its reason as a comment."""
    from sfumato.starter import starting_recipe

    text = starting_recipe(data, overrides(set_))
    if as_json:
        print_json({"recipe": text})
    else:
        typer.echo(text, nl=False)


@app.command(epilog="Example: `sfumato check photos`, `sfumato check recipe.yaml`")
def check(
    target: Annotated[str, typer.Argument(metavar="DATA|RECIPE", help="Data as in data.source, or a recipe.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of what is found; none = runs/NAME-check.")
    ] = None,
    set_: Set = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what the data holds, what is wrong with it and what would leak; nothing is changed."""
    from sfumato.check import check as check_data
    from sfumato.report.check_summary import check_json, check_lines

    done = check_data(target, out, overrides=overrides(set_), quiet=quiet)
    if as_json:
        print_json(check_json(done.examined, done.folder.path, done.folder.page))
    else:
        typer.echo("\n".join(check_lines(done.examined, done.folder.page)))
