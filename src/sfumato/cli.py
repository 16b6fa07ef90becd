"""The command line: one verb a function. Heavy imports happen inside a verb, so that `sfumato --help` is instant."""

import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from sfumato.errors import SfumatoError, Stopped
from sfumato.json_file import to_json
from sfumato.version import VERSION

if TYPE_CHECKING:
    from sfumato.data.assumed import Assumed
    from sfumato.preparation import Prepared
    from sfumato.recipe.load import Loaded
    from sfumato.run import Run

app = typer.Typer(
    name="sfumato",
    help="Fine-tunes image classifiers in gradual stages and turns them into decisions that can be trusted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
)

RecipePath = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe: a YAML file, or a preset's name.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="A.B=C", help="Change one setting of the recipe; may be repeated.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder of the run; none = runs/NAME.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]


def main() -> NoReturn:
    """Run the command line and leave with its exit code: 0 done, 1 failed, 2 wrong input."""
    with _one_line_errors():
        try:
            app()
        except SystemExit as stop:
            if isinstance(stop.__context__, BrokenPipeError):  # click has taken it already, for a failure
                raise stop.__context__ from None
            sys.stdout.flush()  # here, where a full disk can still be told in one line
            raise
    sys.exit(0)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(VERSION)
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command(epilog="Example: `sfumato demo`")
def demo(out: Out = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """Train on real photographs with real pretrained weights, then predict and report."""
    from sfumato.demo.elpv import run_demo
    from sfumato.report.summary import summary
    from sfumato.run_folder import open_folder

    run, story = run_demo(out, quiet=quiet)
    if as_json:
        _print_json({**_outcome(run), "held_out": story.rows})
    elif _is_main():
        typer.echo("\n".join([*summary(open_folder(run.folder)), *story.lines]))


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

    text = starting_recipe(data, _overrides(set_))
    if as_json:
        _print_json({"recipe": text})
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

    done = check_data(target, out, overrides=_overrides(set_), quiet=quiet)
    if as_json:
        _print_json(check_json(done.examined, done.folder.path, done.folder.page))
    else:
        typer.echo("\n".join(check_lines(done.examined, done.folder.page)))


@app.command(epilog="Example: `sfumato plan recipe.yaml --set train.epochs=20`")
def plan(
    recipe: RecipePath,
    set_: Set = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder of plan.txt, plan.svg and plan.png; none = runs/NAME-plan."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option("--samples", metavar="N", help="Samples to assume where the recipe names no data.")
    ] = None,
    classes: Annotated[
        int | None, typer.Option("--classes", metavar="C", help="Classes to assume where the recipe names no data.")
    ] = None,
    imbalance: Annotated[
        float | None,
        typer.Option("--imbalance", metavar="R", help="Samples of the largest class to assume for one of the rarest."),
    ] = None,
    no_cost: Annotated[
        bool, typer.Option("--no-cost", help="Measure no time and memory, which takes about 20 seconds.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what a training would do, when, and about how long it would take here; nothing is trained."""
    from sfumato.preparation import preview
    from sfumato.report.plan_json import plan_json
    from sfumato.report.timeline import plan_text, write_plan
    from sfumato.run_folder import check_plan_folder, make_folder

    loaded = _load(recipe, set_)
    folder = out or Path("runs") / f"{loaded.recipe.name}-plan"
    check_plan_folder(folder)
    with loaded.located():
        prepared = preview(loaded.recipe, _assumed(recipe, loaded, (samples, classes, imbalance)))
    make_folder(folder)
    write_plan(prepared.plan, prepared.model, folder)
    if not as_json:
        typer.echo("\n".join(prepared.notes))
        typer.echo(plan_text(prepared.plan, prepared.model))
        typer.echo(f"picture: {folder / 'plan.svg'}, plan.png")
    with loaded.located():
        cost = None if no_cost else _cost(prepared)
    if as_json:
        _print_json({**plan_json(prepared, folder), "cost": None if cost is None else cost[1]})
    elif cost is not None:
        typer.echo("\n".join(cost[0]))


@app.command(epilog="Example: `sfumato presets`, `sfumato presets crop-disease > recipe.yaml`")
def presets(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A preset; none = list them all.")] = None,
    as_json: Json = False,
) -> None:
    """Show the recipes that come along; with a name, its whole text but for `data.source`, which is yours."""
    from sfumato.recipe.preset_text import preset_settings, preset_text
    from sfumato.recipe.presets import preset_names, preset_story

    if name is not None and as_json:
        _print_json({"name": name, "about": "\n".join(preset_story(name)), "recipe": preset_settings(name)})
    elif name is not None:
        typer.echo(preset_text(name), nl=False)
    elif as_json:
        _print_json([{"name": one, "about": preset_story(one)[0]} for one in preset_names()])
    else:
        widest = max(map(len, preset_names()))
        typer.echo("\n".join(f"{one:<{widest}}  {preset_story(one)[0]}" for one in preset_names()))


@app.command(epilog="Example: `sfumato train recipe.yaml --set train.seed=1`, `sfumato train --resume runs/x`")
def train(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A recipe: a YAML file, or a preset's name.")
    ] = None,
    set_: Set = None,
    out: Out = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="DIR", help="Go on with an interrupted run, where it stopped.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a recipe: one run with weights, predictions, decisions, bundle and report in one folder."""
    from sfumato.report.summary import summary
    from sfumato.run import train as train_run
    from sfumato.run_folder import open_folder

    run = train_run(recipe, overrides=_overrides(set_), out=out, resume=resume, quiet=quiet)
    if as_json:
        _print_json(_outcome(run))
    elif _is_main():
        typer.echo("\n".join(summary(open_folder(run.folder))))


@app.command(epilog="Example: `sfumato crossval recipe.yaml --folds 5`, `sfumato crossval --resume runs/x-cv`")
def crossval(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A recipe: a YAML file, or a preset's name.")
    ] = None,
    folds: Annotated[
        str, typer.Option("--folds", metavar="K", help="A number; `given` = the data's own; `auto` = those, else 5.")
    ] = "auto",
    set_: Set = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of all folds; none = runs/NAME-cv.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="DIR", help="Go on with an interrupted one, where it stopped.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a recipe once for each fold: predictions out of fold, mean and spread, one bundle that averages them."""
    from sfumato.cross_validation import crossval as run_folds
    from sfumato.fold_choice import read_choice
    from sfumato.report.folds_summary import folds_lines

    done = run_folds(recipe, overrides=_overrides(set_), out=out, folds=read_choice(folds), resume=resume, quiet=quiet)
    if as_json:
        _print_json({"folder": str(done.folder), "bundle": str(done.bundle), "summary": done.summary.to_dict()})
    else:
        typer.echo("\n".join([*folds_lines(done.summary), f"picture {done.picture}", f"bundle  {done.bundle}"]))


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
    from sfumato.predict import load

    check_target(out)
    paths = expand(inputs)
    predictor = load(bundle)
    classes = classes_of(predictor)
    stream = Console(quiet=quiet).progress(predictor.stream(paths), len(paths), "deciding")
    if out is not None:
        write_decisions(stream, out, classes)
        if as_json:
            _print_json({"out": str(out), "rows": len(paths)})
        else:
            typer.echo(f"{len(paths)} rows in {out}")
    elif as_json:
        _print_json([decision.to_dict() for decision in stream])
    else:
        for line in csv_lines(stream, classes):
            typer.echo(line, nl=False)


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
        _print_json({"report": str(path)})
    else:
        typer.echo(path)


@app.command(epilog="Example: `sfumato schema > recipe.schema.json`")
def schema() -> None:
    """Print the JSON Schema of recipes, by which editors check and complete them."""
    from sfumato.recipe.load import json_schema

    _print_json(json_schema())


def _load(recipe: str, set_: list[str] | None) -> "Loaded":
    from sfumato.recipe.load import load_recipe

    return load_recipe(recipe, _overrides(set_))


def _assumed(name: str, loaded: "Loaded", asked: tuple[int | None, int | None, float | None]) -> "Assumed | None":
    """What to take for missing data: as asked for, else as a preset's seed had it; None = nothing is to be assumed."""
    from sfumato.data.assumed import Assumed
    from sfumato.recipe.presets import seed_data

    known = seed_data(name) if loaded.recipe.data.source is None else None
    if known is None and asked == (None, None, None):
        return None
    default = Assumed(*known) if known else Assumed()
    samples, classes, imbalance = asked
    return Assumed(
        default.samples if samples is None else samples,
        default.classes if classes is None else classes,
        default.imbalance if imbalance is None else imbalance,
    )


def _cost(prepared: "Prepared") -> tuple[list[str], dict[str, Any]]:
    """What a training would take, as lines and as JSON; or, if it can't be had on this device, why."""
    from sfumato.errors import RunError
    from sfumato.forecast import forecast
    from sfumato.report.cost import cost_json, cost_lines

    try:
        found = forecast(prepared)
    except RunError as problem:
        return [f"cost: {problem}"], {"problem": str(problem)}
    return cost_lines(found), cost_json(found)


def _overrides(set_: list[str] | None) -> dict[str, Any]:
    if not set_:
        return {}
    from sfumato.recipe.load import parse_override

    return dict(parse_override(text) for text in set_)


def _outcome(run: "Run") -> dict[str, Any]:
    return {"run": str(run.folder), "bundle": str(run.bundle), "metrics": run.metrics}


def _print_json(document: object) -> None:
    if _is_main():
        typer.echo(to_json(document))


def _is_main() -> bool:
    """Whether this is the process that speaks, of those that a launcher started."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def _one_line_errors() -> Generator[None]:
    """Failures that a user can meet, and signals, end in one line on stderr and an exit code."""
    for number in _SIGNALS:
        signal.signal(number, _stop)
    try:
        yield
    except BaseException as error:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # the end has begun: another signal could only spoil its line
        sys.exit(_exit_code(error))


def _exit_code(error: BaseException) -> int:
    """What to leave with, after telling the user why; what no user can meet is raised on."""
    if isinstance(error, SfumatoError):
        typer.echo(f"sfumato: {error}", err=True)
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        _forget_output()
        return 0  # the reader has seen enough
    if isinstance(error, OSError):
        _forget_output()
        typer.echo(f"sfumato: {error.filename or 'the output'}: {error.strerror or error}", err=True)
        return 1
    if isinstance(error, Stopped):
        typer.echo(f"sfumato: stopped by {error}", err=True)
        return 1
    raise error


def _forget_output() -> None:
    """What could not be written is not tried again when Python ends, which would print a traceback."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _stop(number: int, _: FrameType | None) -> None:
    raise Stopped(signal.Signals(number).name)
