"""The verb that makes one bundle of stages that ask one another."""

from pathlib import Path
from typing import Annotated

import typer

from sfumato.cli.app import app
from sfumato.cli.options import Json, Quiet, overrides
from sfumato.cli.printing import print_json


@app.command(
    epilog="Example: `sfumato cascade runs/gate runs/elements runs/products --out runs/charts`, "
    "`sfumato cascade runs/gate - runs/products --cost missed=5 --share 0.05`"
)
def cascade(  # noqa: PLR0913, PLR0917  # an option each
    gate: Annotated[str, typer.Argument(metavar="GATE", help="Two classes: what is worth a closer look; `-` = none.")],
    elements: Annotated[
        str, typer.Argument(metavar="ELEMENTS", help="Several classes a picture: what is to be seen; `-` = none.")
    ],
    products: Annotated[str, typer.Argument(metavar="PRODUCTS", help="One class a picture: what it is.")],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="DATA", help="Labelled samples no stage trained on; none = the first one's val."
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="A.B=C", help="How to read --data: data.columns.label=[a,b,c]; may repeat."),
    ] = None,
    cost: Annotated[
        list[str] | None,
        typer.Option(
            "--cost",
            metavar="NAME=X",
            help="missed, false_alarm, wrong, withheld (1 each), elements, products (0 each); may repeat.",
        ),
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(
            "--share", metavar="S", help="Of pictures with a product where it is used; none = as in the data."
        ),
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option("--positive", metavar="CLASS", help="Whose pictures go on; none = that of those with a product."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the result; none = runs/cascade.")
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="NAME", help="cpu, cuda or mps; none = the best there is.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make one bundle of several stages, its thresholds chosen for what comes out in the end; nothing is trained."""
    from sfumato.cascades.building import cascade as make
    from sfumato.cascades.summary import cascade_lines
    from sfumato.decision.end_costs import read_costs

    made = make(
        gate,
        elements,
        products,
        data=data,
        overrides=overrides(set_),
        positive=positive,
        share=share,
        costs=read_costs(cost or []),
        out=out,
        device=device,
        quiet=quiet,
    )
    if as_json:
        print_json({"folder": str(made.folder), "bundle": str(made.bundle), "summary": made.story.to_dict()})
    else:
        typer.echo("\n".join(cascade_lines(made)))
