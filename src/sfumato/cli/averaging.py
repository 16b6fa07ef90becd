"""The verb that averages the weights of finished runs."""

from pathlib import Path
from typing import Annotated

import typer

from sfumato.cli.app import app
from sfumato.cli.options import Json, Quiet
from sfumato.cli.printing import print_json


@app.command(epilog="Example: `sfumato soup runs/a runs/b runs/c --out runs/abc`")
def soup(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Finished runs of one make, or a crossval's.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="A new folder; none = runs/NAME-soup.")
    ] = None,
    choose_on: Annotated[
        Path | None,
        typer.Option("--choose-on", metavar="DATA", help="Labelled samples no run trained on; none = the common val."),
    ] = None,
    uniform: Annotated[bool, typer.Option("--uniform", help="Take all runs; nothing is chosen.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Average the weights of finished runs into one network: those with which it scores no lower."""
    from sfumato.report.soup_summary import soup_lines
    from sfumato.soups.making import soup as make_soup

    made = make_soup(runs, choose_on=choose_on, uniform=uniform, out=out, quiet=quiet)
    if as_json:
        document = {"folder": str(made.folder), "bundle": str(made.bundle), "soup": made.story, "metrics": made.metrics}
        print_json(document)
    else:
        typer.echo("\n".join([*soup_lines(made.story, made.metrics), f"bundle  {made.bundle}"]))
