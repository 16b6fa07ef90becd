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


@app.command(
    epilog="Example: `sfumato evaluate runs/x/bundle new-photos/`, "
    "`sfumato evaluate runs/charts gallery.csv --part test --flat runs/flat`"
)
def evaluate(  # noqa: PLR0913, PLR0917  # an option each
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A bundle, or the folder of a run.")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="Labelled data, as data.source of a recipe takes it.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="A.B=C", help="How to read the data: data.columns.label=diagnosis; may repeat."),
    ] = None,
    part: Annotated[
        str | None, typer.Option("--part", metavar="NAME", help="Only this part of the data's own: train, val or test.")
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Leave out samples of classes that the bundle does not know.")
    ] = False,
    flat: Annotated[
        str | None,
        typer.Option(
            "--flat", metavar="BUNDLE", help="Of a cascade: one classifier over all answers, to compare with."
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="FILE", help="Classes a dual encoder is to answer with, new ones too."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="A new folder; none = runs/DATA-evaluated.")
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="NAME", help="cpu, cuda or mps; none = the best there is.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a bundle on labelled data: figures with intervals, and a page with the mistakes; nothing is changed."""
    from sfumato.cascades.any_bundle import evaluate as evaluate_bundle
    from sfumato.cascades.summary import evaluation_lines as cascade_lines
    from sfumato.evaluation.summary import evaluation_lines

    done = evaluate_bundle(
        bundle,
        data,
        overrides=overrides(set_),
        part=part,
        skip_unknown=skip_unknown,
        flat=flat,
        labels=labels,
        out=out,
        device=device,
        quiet=quiet,
    )
    if as_json:
        print_json({"folder": str(done.folder), "report": str(done.page), "metrics": done.metrics})
    else:
        typer.echo("\n".join((cascade_lines if "cascade" in done.metrics else evaluation_lines)(done)))
