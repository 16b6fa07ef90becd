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


@app.command(epilog="Example: `sfumato augment charts.jsonl --set labels=labels.yaml --out charts-augmented`")
def augment(
    target: Annotated[
        str, typer.Argument(metavar="DATA|RECIPE", help="Data as in data.source, or a recipe, whose split it then has.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="A new folder; none = runs/NAME-augmented.")
    ] = None,
    spec: Annotated[
        Path | None, typer.Option("--spec", metavar="FILE", help="A YAML file: titles, logos, artefacts, copies, seed.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="A.B=C", help="A setting, titles.agreeing=0.3, or one of the data, data.split.val=0.2."
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw titles, logos and artefacts onto copies of training pictures; the originals are never touched."""
    from sfumato.synthesis.synthesizing import augment as draw

    done = draw(target, out, spec=spec, overrides=overrides(set_), quiet=quiet)
    if as_json:
        print_json(done.to_dict())
        return
    counts = done.counts
    typer.echo("\n".join(done.notes) + "\n")
    typer.echo(
        f"{counts['copies']} copies of training pictures: {counts['logos']} with logos, {counts['agrees']} with a title"
        f" that agrees, {counts['contradicts']} with one that contradicts"
    )
    typer.echo(f"table   {done.table}  (train {counts['train']}, val {counts['val']}, test {counts['test']})")
    typer.echo(f"record  {done.folder / 'record.jsonl'}\n")
    typer.echo(f"train on it with {' '.join(f'--set {one}' for one in done.settings)}")


@app.command(
    epilog='Example: `sfumato texts photos --template "这是一张{}的医学图像" --out texts.json`, '
    "`sfumato texts photos --interactive --out texts.yaml`"
)
def texts(  # an option each
    data: Annotated[
        str, typer.Argument(metavar="DATA|BUNDLE", help="Data as in data.source, or a dual encoder's bundle.")
    ],
    template: Annotated[
        list[str] | None,
        typer.Option("--template", metavar="TEXT", help="With {} for the class's name; may be repeated; none = {}."),
    ] = None,
    name: Annotated[
        str, typer.Option("--name", metavar="WHICH", help="The name that stands there: `id`, `zh` or `en`.")
    ] = "id",
    interactive: Annotated[
        bool, typer.Option("--interactive", help="Ask for each class; an empty answer takes what is proposed.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A new .yaml or .json; none = the terminal.")
    ] = None,
    set_: Set = None,
    as_json: Json = False,
) -> None:
    """Write what is said of each class, for a dual encoder: a file to edit, and to name in `model.texts`."""
    from sfumato.cli.asking import ask_text
    from sfumato.models.class_text_file import class_texts_text
    from sfumato.outputs import check_new, written_aside
    from sfumato.starting_texts import check_name, starting_texts

    check_new(out, (".yaml", ".yml", ".json"))
    which, ask = check_name(name), ask_text if interactive else None
    found = starting_texts(data, template or ["{}"], which, overrides(set_), ask)
    if out is not None:
        with written_aside(out) as work:
            work.write_text(class_texts_text(found, json_form=out.suffix == ".json"), encoding="utf-8")
    if as_json:
        print_json({"out": None if out is None else str(out), "texts": found})
    else:
        typer.echo(f"{len(found)} classes in {out}" if out else class_texts_text(found), nl=out is not None)
