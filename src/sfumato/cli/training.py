"""Verbs that train."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sfumato.cli.app import app
from sfumato.cli.options import Json, Out, Quiet, RecipePath, Set, overrides
from sfumato.cli.printing import is_main, print_json

if TYPE_CHECKING:
    from sfumato.run import Run
    from sfumato.stacking.stacking import Stack


@app.command(epilog="Example: `sfumato demo`")
def demo(out: Out = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """Train on real photographs with real pretrained weights, then predict and report."""
    from sfumato.demo.elpv import run_demo
    from sfumato.report.summary import summary
    from sfumato.run_folder import open_folder

    run, story = run_demo(out, quiet=quiet)
    if as_json:
        print_json({**_outcome(run), "held_out": story.rows})
    elif is_main():
        typer.echo("\n".join([*summary(open_folder(run.folder)), *story.lines]))


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

    run = train_run(recipe, overrides=overrides(set_), out=out, resume=resume, quiet=quiet)
    if as_json:
        print_json(_outcome(run))
    elif is_main():
        typer.echo("\n".join(summary(open_folder(run.folder))))


@app.command(epilog="Example: `sfumato zeroshot recipe.yaml --out runs/zeroshot`")
def zeroshot(
    recipe: RecipePath, set_: Set = None, out: Out = None, as_json: Json = False, quiet: Quiet = False
) -> None:
    """Train nothing: score pictures by the texts of their classes, with calibration, thresholds, bundle and report."""
    from sfumato.report.summary import summary
    from sfumato.run_folder import open_folder
    from sfumato.zero_shot import zero_shot

    run = zero_shot(recipe, overrides=overrides(set_), out=out, quiet=quiet)
    if as_json:
        print_json(_outcome(run))
    else:
        typer.echo("\n".join(summary(open_folder(run.folder))))


@app.command(epilog="Example: `sfumato newclasses recipe.yaml --unseen fog,dust`, or `--unseen 4`")
def newclasses(
    recipe: RecipePath,
    unseen: Annotated[
        str, typer.Option("--unseen", metavar="NAMES|N", help="Classes not to train on; a number draws as many.")
    ],
    set_: Set = None,
    out: Out = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train without some classes and measure all before and after: what fine-tuning costs classes it never sees."""
    from sfumato.new_classes import lines, new_classes

    asked = int(unseen) if unseen.isdecimal() else [name.strip() for name in unseen.split(",")]
    done = new_classes(recipe, asked, overrides=overrides(set_), out=out, quiet=quiet)
    if as_json:
        figures = {"seen": done.seen, "unseen": done.unseen, **done.figures.to_dict()}
        print_json({"folder": str(done.folder), **figures})
    else:
        typer.echo("\n".join([*lines(done), f"figures  {done.folder / 'new_classes.json'}"]))


@app.command(epilog="Example: `sfumato crossval recipe.yaml --folds 5`, `sfumato crossval --resume runs/x-cv`")
def crossval(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A recipe: a YAML file, or a preset's name.")
    ] = None,
    folds: Annotated[
        str, typer.Option("--folds", metavar="K", help="A number; `given` = the data's own; `auto` = those, else 5.")
    ] = "auto",
    nested: Annotated[
        bool, typer.Option("--nested", help="A fold only measures; samples of the others choose the weights.")
    ] = False,
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
    """Train a recipe once for each fold: predictions out of fold, mean and spread, one bundle that averages them.

    Of a recipe with `experts`, each of them in the same folds, and one bundle that stacks them.
    """
    from sfumato.folds.choice import read_choice
    from sfumato.folds.cross_validation import crossval as run_folds
    from sfumato.recipe.experts import holds_experts
    from sfumato.report.folds_summary import folds_lines
    from sfumato.stacking.folder import is_stack
    from sfumato.stacking.stacking import stack

    asked: dict[str, Any] = {"overrides": overrides(set_), "out": out, "folds": read_choice(folds), "nested": nested}
    several = is_stack(resume) if resume is not None else holds_experts(recipe, asked["overrides"])
    if several:
        _tell_stack(stack(recipe, **asked, resume=resume, quiet=quiet), as_json=as_json)
        return
    done = run_folds(recipe, **asked, resume=resume, quiet=quiet)
    if as_json:
        print_json({"folder": str(done.folder), "bundle": str(done.bundle), "summary": done.summary.to_dict()})
    else:
        typer.echo("\n".join([*folds_lines(done.summary), f"report  {done.report}", f"bundle  {done.bundle}"]))


def _tell_stack(done: "Stack", *, as_json: bool) -> None:
    """What came of experts."""
    from sfumato.ensembles.summary import summary_lines
    from sfumato.report.ablation_lines import ablation_lines

    summary = done.ensemble.summary
    if as_json:
        document = {"folder": str(done.folder), "bundle": str(done.bundle), "summary": summary.to_dict()}
        print_json({**document, "ablation": done.ablation.to_dict()})
    else:
        lines = [*summary_lines(summary, done.ensemble.fusion), *ablation_lines(done.ablation), ""]
        typer.echo("\n".join([*lines, f"report  {done.report}", f"bundle  {done.bundle}"]))


def _outcome(run: "Run") -> dict[str, Any]:
    return {"run": str(run.folder), "bundle": str(run.bundle), "metrics": run.metrics}
