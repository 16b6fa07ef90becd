"""Verbs that look at recipes."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sfumato.cli.app import app
from sfumato.cli.options import Json, RecipePath, Set, load_given
from sfumato.cli.printing import print_json

if TYPE_CHECKING:
    from sfumato.data.assumed import Assumed
    from sfumato.preparation.prepared import Prepared
    from sfumato.recipe.load import Loaded


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
    from sfumato.preparation.preview import preview
    from sfumato.report.plan_json import plan_json
    from sfumato.report.timeline import plan_text, write_plan
    from sfumato.run_folder import check_plan_folder, make_folder

    loaded = load_given(recipe, set_)
    folder = out or Path("runs") / f"{loaded.recipe.name}-plan"
    check_plan_folder(folder)
    asked = {"samples": samples, "classes": classes, "imbalance": imbalance}
    with loaded.located():
        prepared = preview(loaded.recipe, _assumed(recipe, loaded, asked))
    make_folder(folder)
    write_plan(prepared.plan, prepared.model, folder)
    if not as_json:
        typer.echo("\n".join(prepared.notes))
        typer.echo(plan_text(prepared.plan, prepared.model))
        typer.echo(f"picture: {folder / 'plan.svg'}, plan.png")
    with loaded.located():
        cost = None if no_cost else _cost(prepared)
    if as_json:
        print_json({**plan_json(prepared, folder), "cost": None if cost is None else cost[1]})
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
        print_json({"name": name, "about": "\n".join(preset_story(name)), "recipe": preset_settings(name)})
    elif name is not None:
        typer.echo(preset_text(name), nl=False)
    elif as_json:
        print_json([{"name": one, "about": preset_story(one)[0]} for one in preset_names()])
    else:
        widest = max(map(len, preset_names()))
        typer.echo("\n".join(f"{one:<{widest}}  {preset_story(one)[0]}" for one in preset_names()))


@app.command(epilog="Example: `sfumato schema > recipe.schema.json`")
def schema() -> None:
    """Print the JSON Schema of recipes, by which editors check and complete them."""
    from sfumato.recipe.load import json_schema

    print_json(json_schema())


def _assumed(name: str, loaded: "Loaded", asked: dict[str, int | float | None]) -> "Assumed | None":
    """What to take for missing data: as asked for, else as a preset's seed had it; None = nothing is to be assumed."""
    from sfumato.data.assumed import Assumed
    from sfumato.recipe.presets import seed_data

    known = seed_data(name) if loaded.recipe.data.source is None else None
    given: dict[str, Any] = {field: value for field, value in asked.items() if value is not None}
    default = Assumed(*known) if known else Assumed()
    return replace(default, **given) if known or given else None


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
