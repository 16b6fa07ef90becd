"""docs/seed_parameters.csv: every parameter of the projects the presets replace, and where it stands in a preset."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from tests.presets import epoch_row, plan_of, resolved

TABLE = Path(__file__).parents[3] / "docs" / "seed_parameters.csv"
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
MAPPED = [row for row in ROWS if row["path"]]


def cells(row: dict[str, str]) -> list[tuple[str, str]]:
    """(path, expected) of a row, which may have several."""
    return list(zip(row["path"].split("; "), row["expected"].split("; "), strict=True))


def test_the_table_is_whole():
    assert len(ROWS) == 168
    assert sum(row["seed"] == "crop-disease" for row in ROWS) == 58
    assert sum(row["seed"] == "fashion-44" for row in ROWS) == 32
    assert sum(row["seed"] == "product-multimodal" for row in ROWS) == 22
    assert sum(row["seed"] == "dual-encoder" for row in ROWS) == 17
    assert sum(row["seed"] == "weather-cascade" for row in ROWS) == 39
    assert len({(row["seed"], row["parameter"]) for row in ROWS}) == len(ROWS)
    assert len(MAPPED) == 161
    assert sum(len(cells(row)) for row in MAPPED) == 198


def test_a_parameter_is_mapped_or_says_why_it_is_not():
    for row in ROWS:
        reason = row["note"].startswith("not mapped: ")
        assert bool(row["path"]) == bool(row["expected"]) == bool(row["preset"]) == (not reason), row


@pytest.mark.parametrize("row", MAPPED, ids=lambda row: row["parameter"])
def test_the_preset_says_it(row):
    for path, expected in cells(row):
        assert same(value_at(row["preset"], path), expected), (path, value_at(row["preset"], path), expected)


@pytest.mark.parametrize("row", MAPPED, ids=lambda row: row["parameter"])
def test_the_seed_s_value_is_the_preset_s_or_the_note_tells_why_not(row):
    """An epoch stands in the path; a switch or a word for several settings is told apart by the expected cell."""
    words = {"true", "false", "baseline", "concat", "weighted_ce", "inverse_frequency", "reduce_on_plateau", "dynamic"}
    said = any(same(expected.removesuffix("ep"), row["value"]) for _, expected in cells(row))
    at_epoch = f"at={row['value']}ep]" in row["path"]
    assert said or at_epoch or row["value"] in words or row["note"], row


def value_at(preset: str, path: str) -> Any:
    """What a resolved preset holds at a path, or its plan, `plan.track@epoch`, at the begin of an epoch."""
    recipe = resolved(preset)
    if not path.startswith("plan."):
        return look_up(recipe, path)
    track, epoch = path.removeprefix("plan.").split("@")
    plan = plan_of(preset, recipe)
    row = {**epoch_row(plan, int(epoch)), "lr_scale": plan.tracks["lr_scale"].at(int(epoch))}
    return look_up(row, track)


def look_up(here: Any, path: str) -> Any:
    """Walk fields, `[key]` of mappings, `[0]` of lists, and `[at=5ep]`, the keyframe of a moment."""
    for name, key in re.findall(r"(\w+)|\[([^\]]+)\]", path):
        if key.startswith("at="):
            (here,) = [keyframe for keyframe in here if str(keyframe.at) == key.removeprefix("at=")]
        elif key.isdigit():
            here = here[int(key)]
        else:
            here = here[name or key] if isinstance(here, dict) else getattr(here, name)
    return here


def same(value: Any, expected: str) -> bool:
    try:
        return float(value) == pytest.approx(float(expected), rel=1e-9)
    except (TypeError, ValueError):
        return ("none" if value is None else str(value)) == expected
