"""Verbs that use what was trained."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from sfumato.cli.app import app
from sfumato.cli.options import Json, Quiet
from sfumato.cli.printing import print_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfumato.console import Console
    from sfumato.predict.inference_engine import EngineName
    from sfumato.predict.inputs import Input


@app.command(
    epilog="Example: `sfumato predict runs/x/bundle photos/ more.jpg --out decisions.csv`, "
    "`sfumato predict runs/x/bundle test/ --like sample_submission.csv --out submission.csv`, "
    "`sfumato predict runs/x photos/ --texts classes.yaml`, "
    "`sfumato predict runs/products charts/ --elements runs/elements`"
)
def predict(  # noqa: PLR0913, PLR0917  # an option each
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A bundle, or the folder of a run.")],
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Images, folders of them, tables of paths.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A new .csv, .jsonl or .parquet; none = the terminal.")
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option("--like", metavar="SAMPLE.csv", help="Write --out in the form of a competition's sample file."),
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id-column", metavar="NAME", help="Of the sample; none = its first column.")
    ] = None,
    engine: Annotated[
        str,
        typer.Option("--engine", metavar="E", help="`torch`, `bf16`, `onnx` if the bundle has graphs, or `auto`."),
    ] = "auto",
    texts: Annotated[
        Path | None,
        typer.Option("--texts", metavar="FILE", help="Classes to answer with, by their texts; only of a dual encoder."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="FILE", help="The same by a label file; new classes are told as the others."),
    ] = None,
    no_gate: Annotated[
        bool, typer.Option("--no-gate", help="Of a cascade: every picture goes on, and the gate looks at none.")
    ] = False,
    elements: Annotated[
        Path | None,
        typer.Option(
            "--elements", metavar="BUNDLE", help="Finds the elements of each picture, which are written into its text."
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Decide on images: one row an input, bad ones too, in order."""
    if like is not None or id_column is not None:
        _refuse_both(texts or labels, elements, no_gate=no_gate)
        _submit(bundle, inputs, out, like, id_column, engine, as_json=as_json, quiet=quiet)
        return
    from sfumato.bundle.cascade import is_cascade
    from sfumato.cli.new_classes import loaded
    from sfumato.console import Console
    from sfumato.outputs import check_target, csv_lines, expand, form_of, write_decisions

    check_target(out)
    paths = expand(inputs)  # before the bundle is loaded: a mistake in them is told at once
    predictor = loaded(bundle, cast("EngineName", engine), texts, labels, Console(quiet=quiet), gate=not no_gate)
    form = form_of(predictor)
    needed = elements is None and not is_cascade(Path(bundle))
    asked = expand(inputs, texts=True, needed=needed) if predictor.reads_texts else paths
    decisions = predictor.stream(_worded([one.what for one in asked], bundle, elements, Console(quiet=quiet)))
    stream = Console(quiet=quiet).progress(decisions, len(paths), "deciding")
    if out is not None:
        write_decisions(stream, out, form)
        if as_json:
            print_json({"out": str(out), "rows": len(paths)})
        else:
            typer.echo(f"{len(paths)} rows in {out}")
    elif as_json:
        print_json([decision.to_dict() for decision in stream])
    else:
        for line in csv_lines(stream, form):
            typer.echo(line, nl=False)


def _refuse_both(texts: Path | None, elements: Path | None, *, no_gate: bool) -> None:
    from sfumato.errors import InputError

    if no_gate:
        raise InputError(
            "--no-gate beside --like: a submission names the classes of its sample", expected="one of them"
        )
    if texts is not None:
        what = "--texts or --labels beside --like: a submission names the classes of its sample"
        raise InputError(what, expected="one of them")
    if elements is not None:
        raise InputError("--elements beside --like", expected="one of them, or a table whose texts hold element words")


def _worded(inputs: list["Input"], bundle: str, elements: Path | None, console: "Console") -> "Iterable[Input]":
    """The inputs, with the words of their elements where a bundle is to find them; words that lack are told."""
    from sfumato.bundle.cascade import is_cascade
    from sfumato.bundle.ensemble import read_any
    from sfumato.errors import InputError
    from sfumato.predict.element_texts import check_elements, reads_words, sure_of, with_element_words, without_words
    from sfumato.predict.predictor import load
    from sfumato.training.records import Noted

    if is_cascade(Path(bundle)):
        if elements is not None:
            raise InputError("--elements beside a cascade", where=bundle, expected="the elements that it names itself")
        return inputs
    own = read_any(Path(bundle))
    if elements is not None:
        sure, finder = sure_of(own, bundle), load(elements)
        check_elements(finder, str(elements))
        return with_element_words(inputs, finder, sure)
    lacking = without_words(inputs) if reads_words(own, bundle) else 0
    if lacking:
        said = f"{lacking} of {len(inputs)} texts hold no element words, and {bundle} was trained with them"
        console.note(Noted(f"{said}; --elements BUNDLE finds and writes them", warning=True))
    return inputs


def _submit(
    bundle: str,
    inputs: list[str],
    out: Path | None,
    like: Path | None,
    id_column: str | None,
    engine: str,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Fill in a sample file; inputs that stand in no row of it are left out."""
    from sfumato.console import Console
    from sfumato.errors import InputError
    from sfumato.outputs import check_target, expand
    from sfumato.predict.predictor import load
    from sfumato.submission.cells import cells_of
    from sfumato.submission.form import read_form
    from sfumato.submission.matching import inputs_of
    from sfumato.submission.writing import write_submission
    from sfumato.training.records import Noted

    if like is None:
        raise InputError("--id-column has no effect without --like", expected="--like with a sample file")
    if out is None or out.suffix != ".csv":
        raise InputError("--like writes a submission", expected="--out with a new .csv")
    check_target(out)
    form, found, console = read_form(like, id_column), expand(inputs), Console(quiet=quiet)
    inputs_of(form, found)
    predictor = load(bundle, engine=cast("EngineName", engine))
    cells = cells_of(form, predictor.tasks)
    paths = inputs_of(form, expand(inputs, texts=True) if predictor.reads_texts else found)
    names = {one.name for one in found}
    extra = len(names - {one.name for one in paths})
    if extra:
        console.note(Noted(f"{extra} of {len(names)} inputs stand in no row of {like} and are left out"))
    decisions = predictor.stream([one.what for one in paths])
    write_submission(form, cells, console.progress(decisions, len(paths), "deciding"), out)
    if as_json:
        print_json({"out": str(out), "rows": len(paths)})
    else:
        typer.echo(f"{len(paths)} rows in {out}")


@app.command(epilog="Example: `sfumato ensemble runs/cnn-cv runs/clip-cv --kind stacked --out runs/both`")
def ensemble(
    members: Annotated[
        list[str],
        typer.Argument(metavar="MEMBER...", help="Runs, cross-validations, ensembles, or bundles: two or more."),
    ],
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="`average`, `weighted`, `stacked` or `mlp`.")
    ] = "average",
    weights: Annotated[
        str,
        typer.Option("--weights", metavar="W", help="`shared` by all classes, `by_class`, or `auto`: folds choose."),
    ] = "auto",
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
    from sfumato.decision.fusion.fusion import read_kind, read_sharing
    from sfumato.ensembles.ensembling import ensemble as make
    from sfumato.ensembles.summary import summary_lines

    done = make(
        members,
        kind=read_kind(kind),
        weights=read_sharing(weights),
        out=out,
        max_error=max_error,
        quiet=quiet,
    )
    if as_json:
        print_json({"folder": str(done.folder), "bundle": str(done.bundle), "summary": done.summary.to_dict()})
    else:
        typer.echo("\n".join([*summary_lines(done.summary, done.fusion), f"bundle  {done.bundle}"]))


@app.command(epilog="Example: `sfumato report runs/x`")
def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run, or of a cascade.")],
    as_json: Json = False,
) -> None:
    """Write a run's report anew: one HTML file a person looks at."""
    from sfumato.bundle.cascade import is_cascade
    from sfumato.cascades.pages import write_report as write_cascade_report
    from sfumato.report.page import write_report
    from sfumato.run_folder import open_folder

    path = write_cascade_report(run) if is_cascade(Path(run)) else write_report(open_folder(run))
    if as_json:
        print_json({"report": str(path)})
    else:
        typer.echo(path)
