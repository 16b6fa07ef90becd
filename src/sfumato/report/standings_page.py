"""The page of a comparison: one self-contained HTML file, which needs no network and no other file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import jinja2
from markupsafe import Markup

from sfumato.recipe.schema import Recipe
from sfumato.report import standings_table, wording
from sfumato.report.standings import Standings, sentences
from sfumato.report.standings_picture import draw_scores, draw_time
from sfumato.report.svg import inline, to_svg

Flat = dict[str, Any]
"""Recipe path -> value."""
_ABSENT = "–"


@dataclass(frozen=True)
class Shown:
    """The standings in one task, as the page has them."""

    found: Standings
    sentences: list[str]
    scores: Markup | None
    time: Markup | None


@dataclass(frozen=True)
class Differing:
    """A setting that is not the same in all recipes."""

    path: str
    values: list[str]
    """One a recipe."""


def write_page(path: Path, tables: tuple[Standings, ...], recipes: Mapping[str, Recipe], title: str) -> None:
    """Write compare.html.

    Args:
        path: Of the file.
        tables: Of each task.
        recipes: Name -> the recipe of those that were trained here, for what they differ in.
        title: Head of the page.
    """
    path.write_text(render(tables, recipes, title), encoding="utf-8")


def render(tables: tuple[Standings, ...], recipes: Mapping[str, Recipe], title: str) -> str:
    """The page as HTML; arguments as for `write_page`."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    jinja = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    cast(dict[str, Any], jinja.filters).update(
        time=standings_table.time_text,
        memory=standings_table.memory_text,
        parameters=standings_table.parameters_text,
        speed=standings_table.speed_text,
        chance=standings_table.chance_text,
        many=wording.many,
    )
    shown = [_shown(table, place) for place, table in enumerate(tables)]
    return jinja.get_template("standings.html.j2").render(
        title=title, tables=shown, recipes=list(recipes), differing=differing(recipes)
    )


def differing(recipes: Mapping[str, Recipe]) -> list[Differing]:
    """Settings that the recipes do not share, but for their names; none where there are fewer than two recipes."""
    flat = [_flat(json.loads(recipe.model_dump_json())) for recipe in recipes.values()]
    paths = dict.fromkeys(path for one in flat for path in one)
    rows = [Differing(path, [_text(one.get(path, _ABSENT)) for one in flat]) for path in paths if path != "name"]
    return [row for row in rows if len(set(row.values)) > 1]


def _shown(found: Standings, place: int) -> Shown:
    if not found.ranked:
        return Shown(found, sentences(found), None, None)
    scores = inline(to_svg(draw_scores(found)), f"scores{place}", f"{_names(found)} with their intervals")
    drawn, against = draw_time(found), f"{found.names[found.main[0]]} against training time"
    time = None if drawn is None else inline(to_svg(drawn), f"time{place}", against)
    return Shown(found, sentences(found), scores, time)


def _names(found: Standings) -> str:
    return " and ".join(found.names[name] for name in found.main)


def _flat(value: object, path: str = "") -> Flat:
    """Leaves by their recipe paths; a list of plain values is a leaf."""
    if isinstance(value, dict):
        entries = cast(dict[str, object], value).items()
        found = [_flat(inner, f"{path}.{key}" if path else key) for key, inner in entries]
    elif isinstance(value, list) and any(isinstance(one, dict) for one in cast(list[object], value)):
        found = [_flat(one, f"{path}[{index}]") for index, one in enumerate(cast(list[object], value))]
    else:
        return {path: value}
    return {key: one for each in found for key, one in each.items()}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
