"""Verbs that use what was trained."""

from pathlib import Path
from typing import Annotated

import typer

from sfumato.cli.app import app
from sfumato.cli.options import Json, Quiet
from sfumato.cli.printing import print_json


@app.command(epilog="Example: `sfumato predict runs/x/bundle photos/ more.jpg --out decisions.csv`")
def predict(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A bundle, or the folder of a run.")],
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Images, folders of them, tables of paths.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A new .csv, .jsonl or .parquet; none = the terminal.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Decide on images: one row an input, bad ones too, in order."""
    from sfumato.console import Console
    from sfumato.outputs import check_target, classes_of, csv_lines, expand, write_decisions
    from sfumato.predict.predictor import load

    check_target(out)
    paths = expand(inputs)
    predictor = load(bundle)
    classes = classes_of(predictor)
    stream = Console(quiet=quiet).progress(predictor.stream(paths), len(paths), "deciding")
    if out is not None:
        write_decisions(stream, out, classes)
        if as_json:
            print_json({"out": str(out), "rows": len(paths)})
        else:
            typer.echo(f"{len(paths)} rows in {out}")
    elif as_json:
        print_json([decision.to_dict() for decision in stream])
    else:
        for line in csv_lines(stream, classes):
            typer.echo(line, nl=False)


@app.command(epilog="Example: `sfumato ensemble runs/cnn-cv runs/clip-cv --kind stacked --out runs/both`")
def ensemble(
    members: Annotated[
        list[str],
        typer.Argument(metavar="MEMBER...", help="Runs, cross-validations, ensembles, or bundles: two or more."),
    ],
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="`average`, `weighted` (weights that sum to 1) or `stacked`.")
    ] = "average",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the result; none = runs/ensemble.")
    ] = None,
    max_error: Annotated[
        float | None,
        typer.Option(
            "--max-error", metavar="E", help="Abstain so that answers err in at most this share; none = never."
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make one bundle of several over the same classes, fitted on their predictions tables; nothing is trained."""
    from sfumato.decision.fusion import read_kind
    from sfumato.ensembles.ensembling import ensemble as make
    from sfumato.ensembles.summary import summary_lines

    done = make(members, kind=read_kind(kind), out=out, max_error=max_error, quiet=quiet)
    if as_json:
        print_json({"folder": str(done.folder), "bundle": str(done.bundle), "summary": done.summary.to_dict()})
    else:
        typer.echo("\n".join([*summary_lines(done.summary, done.fusion), f"bundle  {done.bundle}"]))


@app.command(epilog="Example: `sfumato report runs/x`")
def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run.")],
    as_json: Json = False,
) -> None:
    """Write a run's report anew: one HTML file a person looks at."""
    from sfumato.report.page import write_report
    from sfumato.run_folder import open_folder

    path = write_report(open_folder(run))
    if as_json:
        print_json({"report": str(path)})
    else:
        typer.echo(path)
