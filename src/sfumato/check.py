"""The story of a check: read the table, look at every picture, write down what is wrong. Nothing is trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfumato.check_folder import CheckFolder, new_check_folder
from sfumato.console import Console
from sfumato.data.health.examination import Examined, examine
from sfumato.data.source import data_at, read_table
from sfumato.data.table import Table
from sfumato.report.check_page import render_check

RECIPES = (".yaml", ".yml")
"""What ends so is a recipe; everything else is data."""


@dataclass(frozen=True, eq=False)
class Checked:
    """What a check found, and the folder it is written down in."""

    folder: CheckFolder
    examined: Examined


def check(
    target: str | Path,
    out: str | Path | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Checked:
    """Look at all the data a recipe names, or at data itself, and write what is found into a new folder.

    Args:
        target: A recipe, or anything that `data.source` of a recipe may be.
        out: A new or empty folder outside the data; None = `runs/NAME-check`, numbered where it exists.
        overrides: Recipe path -> value, such as {"data.columns.label": "diagnosis"}, for data without a recipe too.
        quiet: Shows no progress.

    Raises:
        InputError: No such data, a mistake in the recipe, or a folder that can't be used.
    """
    name, source, table = _read(str(target), overrides or {})
    with new_check_folder(out, f"{name}-check", source) as folder:
        examined = examine(table, source, Console(quiet=quiet).stage)
        folder.write(examined)
        folder.page.write_text(render_check(examined, name), encoding="utf-8")
    return Checked(folder, examined)


def _read(target: str, overrides: Mapping[str, Any]) -> tuple[str, Path, Table]:
    """Name, source and table of a recipe's data, or of data itself."""
    path = Path(target)
    if path.suffix.lower() not in RECIPES and not overrides:
        source = path.expanduser().absolute()
        return source.resolve().stem or "data", source, read_table(data_at(target))
    from sfumato.models.family import reads_texts
    from sfumato.recipe.given_data import load_given_data  # a recipe knows networks, which data alone needs not
    from sfumato.recipe.load import load_recipe

    is_recipe = path.suffix.lower() in RECIPES
    loaded = load_recipe(path, overrides) if is_recipe else load_given_data(target, overrides)
    with loaded.located():
        source = Path(loaded.recipe.data.given)
        table = read_table(loaded.recipe.data)
        reads = is_recipe and reads_texts(loaded.recipe.model)
        return loaded.recipe.name if is_recipe else source.stem, source, table.read(texts=True) if reads else table
