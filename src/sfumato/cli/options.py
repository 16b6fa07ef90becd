"""Options that several verbs have, and what they stand for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sfumato.recipe.load import Loaded

RecipePath = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe: a YAML file, or a preset's name.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="A.B=C", help="Change one setting of the recipe; may be repeated.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder of the run; none = runs/NAME.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]


def load_given(recipe: str, set_: list[str] | None) -> "Loaded":
    """The recipe with its changes."""
    from sfumato.recipe.load import load_recipe

    return load_recipe(recipe, overrides(set_))


def overrides(set_: list[str] | None) -> dict[str, Any]:
    """Recipe path -> value, of what `--set` was given."""
    if not set_:
        return {}
    from sfumato.recipe.load import parse_override

    return dict(parse_override(text) for text in set_)
