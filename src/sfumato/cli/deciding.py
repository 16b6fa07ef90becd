"""Verbs that decide and measure with what was trained."""

from pathlib import Path
from typing import Annotated

import typer

from sfumato.cli.app import app
from sfumato.cli.options import Json, Quiet, overrides
from sfumato.cli.printing import print_json


@app.command(epilog="Example: `sfumato decide runs/x --set decision.abstain.max_error=0.02`")
def decide(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a finished run or cross-validation.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="A.B=C", help="Change one setting below decision; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="A new folder; none = runs/NAME-decided.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fit calibration, thresholds and abstention of a run anew, in a new folder; nothing is trained."""
    from sfumato.deciding.deciding import decide as decide_anew
    from sfumato.deciding.deciding import scores_of
    from sfumato.folds.cross_validation import CrossValidation
    from sfumato.report.before_after import before_after_lines

    done = decide_anew(run, overrides=overrides(set_), out=out, quiet=quiet)
    before, after = scores_of(run), scores_of(done.folder)
    if as_json:
        print_json({"folder": str(done.folder), "bundle": str(done.bundle), "before": before, "metrics": after})
    else:
        lines = before_after_lines(before, after)
        lines += [done.summary.note, ""] if isinstance(done, CrossValidation) else []
        typer.echo("\n".join([*lines, f"report  {done.folder / 'report.html'}", f"bundle  {done.bundle}"]))
