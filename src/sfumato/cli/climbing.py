"""The verb that tries light ways to use a trained dual encoder."""

from pathlib import Path
from typing import Annotated

import typer

from sfumato.cli.app import app
from sfumato.cli.options import Json, Quiet, Set, overrides
from sfumato.cli.printing import print_json


@app.command(epilog="Example: `sfumato ladder few-birds.yaml --set train.init_from=runs/dual --shots 16`")
def ladder(
    source: Annotated[str, typer.Argument(metavar="RECIPE|RUN", help="A dual encoder's recipe, or a finished run.")],
    shots: Annotated[
        int | None, typer.Option("--shots", metavar="N", help="Training pictures of each class; none = all.")
    ] = None,
    set_: Set = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="A new folder; none = runs/NAME-ladder.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fit light rungs on features computed once: texts alone, Tip-Adapter, ZS-LP, CLAP, LP++; keep the best."""
    from sfumato.ladders.climbing import ladder as climb
    from sfumato.ladders.folder import LadderFolder
    from sfumato.report.ladder_table import ladder_lines

    made = climb(source, overrides=overrides(set_), shots=shots, out=out, quiet=quiet)
    if as_json:
        where = {"folder": str(made.folder), "bundle": str(made.bundle)}
        print_json({**where, "ladder": made.standing.to_dict(), "metrics": made.metrics})
    else:
        picture = LadderFolder(made.folder).picture
        typer.echo("\n".join([*ladder_lines(made.standing), f"picture {picture}", f"bundle  {made.bundle}"]))
