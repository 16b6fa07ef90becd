"""The weather example: a gallery as it is rendered, dealt and read by its recipes."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from sfumato.data.source import DataSpec, read_table
from sfumato.data.splits.split import split
from sfumato.errors import InputError
from sfumato.labels import read_labels
from sfumato.recipe.load import load_recipe

EXAMPLE = Path(__file__).parents[2] / "examples" / "weather"
LABELS = EXAMPLE / "labels.yaml"
CHARTS, OTHERS = 66, 18


@pytest.fixture(scope="module")
def example():
    """The example's own modules, as its scripts see them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLE))
        yield
    for name in [name for name in sys.modules if name.split(".")[0] in {"gallery", "render", "deal"}]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def charts(example, tmp_path_factory) -> Path:
    from render import render

    folder = tmp_path_factory.mktemp("weather") / "charts"
    try:
        render(folder, CHARTS, OTHERS, sources=9, seed=3)
    except InputError as error:
        if "--font" in str(error):
            pytest.skip("no font with Chinese letters on this machine")
        raise
    return folder


@pytest.fixture(scope="module")
def rows(charts) -> list[dict]:
    return [json.loads(line) for line in (charts / "labels.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_product_can_be_drawn_and_names_what_it_shows(example):
    from gallery.drawings import DARK, DRAWINGS, MAY_CARRY

    products, elements = read_labels(LABELS, "products"), read_labels(LABELS, "elements")
    assert len(products) >= 24 and len(elements) >= 8
    assert set(products.names) == set(DRAWINGS) >= set(MAY_CARRY) | DARK
    assert all(label.elements and label.zh and label.en for label in products.labels)
    assert {one for label in products.labels for one in label.elements} == set(elements.names)


def test_the_manifest_says_what_was_drawn(charts, rows):
    own = {label.id: set(label.elements) for label in read_labels(LABELS, "products").labels}
    drawn = [row for row in rows if row["is_meteo"]]
    assert len(drawn) == len(own) * 2 and len(rows) - len(drawn) == OTHERS
    assert {row["product"] for row in drawn} == set(own)
    assert all(own[row["product"]] <= set(row["labels"]) for row in drawn)
    assert 0.2 < np.mean([row["titled"] for row in drawn]) < 0.85
    assert len({row["source"] for row in rows}) >= 12
    assert {row["language"] for row in drawn} == {"zh", "en"}
    for row in rows:
        with Image.open(charts / row["path"]) as picture:
            assert min(picture.size) > 10 and np.asarray(picture.convert("L")).std() > 3, row


def test_a_chart_is_a_function_of_its_entry(example, charts, rows):
    from gallery.plan import planned
    from render import Painter, letters
    from sfumato.synthesis.fonts import font_for, installed_fonts

    again = charts.parent / "again"
    (again / "images").mkdir(parents=True)
    entries = planned(CHARTS, OTHERS, 9, read_labels(LABELS, "products").names, 3)
    painter = Painter(again, 3, font_for(letters(), installed_fonts(), "--font"), ())
    for entry in (entries[40], entries[7]):
        row = painter.paint(entry)
        assert row == next(one for one in rows if one["path"] == row["path"])
        assert (again / row["path"]).read_bytes() == (charts / row["path"]).read_bytes()


def test_what_measures_shares_neither_source_nor_time_with_what_trains(example, charts):
    from deal import COLUMNS, dealt

    table = read_table(DataSpec(source=str(charts / "labels.jsonl"), columns=COLUMNS))
    mixed = replace(table, rows=table.rows.with_columns(pl.col("time").reverse()))  # as if all published all the time
    for crossed in (False, True):
        table = mixed if crossed else table
        found = dealt(table, 0.2, crossed=crossed)
        dealt_rows = table.rows.select("id", "group", "time", "label").join(found, on="id")
        parts = {name: dealt_rows.filter(pl.col("part") == name) for name in ("train", "val", "test")}
        assert len(parts["test"]) >= 3 and len(parts["train"]) > len(parts["test"])
        for one, later in (("train", "val"), ("train", "test"), ("val", "test")):
            assert not set(parts[one]["group"]) & set(parts[later]["group"])
        for (_, before), (_, test) in zip(
            pl.concat([parts["train"], parts["val"]]).sort("label").group_by("label", maintain_order=True),
            parts["test"].sort("label").group_by("label", maintain_order=True),
            strict=True,
        ):
            assert test["time"].min() > before["time"].max()
        assert all(one["label"].n_unique() == 2 for one in parts.values())
        assert crossed or len(found) == len(table)


def test_one_source_is_refused(example, charts, tmp_path):
    from deal import COLUMNS, dealt

    lines = [json.loads(line) for line in (charts / "labels.jsonl").read_text(encoding="utf-8").splitlines()]
    text = "".join(json.dumps({**row, "source": "one"}) + "\n" for row in lines)
    (tmp_path / "labels.jsonl").write_text(text, encoding="utf-8")
    table = read_table(DataSpec(source=str(tmp_path / "labels.jsonl"), columns=COLUMNS))
    with pytest.raises(
        InputError, match=r"labels.jsonl: one source, 'one': nothing can be measured on charts of another"
    ):
        dealt(table, 0.2, crossed=False)


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLE.glob("*.yaml") if path.stem != "labels"))
def test_its_recipes_read_the_manifest(example, charts, name):
    from deal import COLUMNS, dealt

    found = dealt(read_table(DataSpec(source=str(charts / "labels.jsonl"), columns=COLUMNS)), 0.2, crossed=False)
    found.write_csv(charts / "dealt.csv")
    given = {"data.source": str(charts / "labels.jsonl"), "data.dealt": str(charts / "dealt.csv")}
    data = load_recipe(EXAMPLE / f"{name}.yaml", given).recipe.data
    table = split(read_table(data).answered, data.split)
    assert len(table) == CHARTS + (OTHERS if name in {"gate", "products-flat"} else 0)
    sides = [set(table.part(part).rows["group"]) for part in ("train", "val", "test")]
    assert all(sides) and not sides[0] & sides[1] and not (sides[0] | sides[1]) & sides[2]
    if data.labels:
        assert set(table.labels.names) == set(read_labels(LABELS, data.labels.section).names)


def test_projections_undo_themselves_and_keep_the_pole_up(example):
    from gallery.projections import KINDS, Projection

    lon, lat = np.meshgrid(np.linspace(70, 140, 8), np.linspace(5, 60, 7))
    for kind in KINDS:
        own = Projection(kind, 105, 35)
        x, y = own.forward(lon.ravel(), lat.ravel())
        back = own.inverse(x, y)
        np.testing.assert_allclose(back, (lon.ravel(), lat.ravel()), atol=1e-9)
        assert (np.diff(y.reshape(lon.shape), axis=0) > 0).all()
        steps = np.stack(own.forward(lon.ravel() + 1e-4, lat.ravel())) - np.stack([x, y])
        east = np.arctan2(steps[1], steps[0])
        np.testing.assert_allclose(own.turn(lon.ravel()), east, atol=1e-4)


def test_winds_aloft_follow_heights(example):
    """Around a high the air turns clockwise on the northern side of the earth, as the geostrophic balance has it."""
    from gallery.weather import HIGH, WIDE, Weather

    weather = Weather(0, 0)
    north, east = np.mgrid[0:HIGH, 0:WIDE]
    weather.cache["z500"] = 5700 + 200 * np.exp(-((north - 40) ** 2 + (east - 45) ** 2) / 120)
    u, v = weather.at("u500"), weather.at("v500")
    assert u[48, 45] > 5 and u[32, 45] < -5 and v[40, 53] < -5 and v[40, 37] > 5
