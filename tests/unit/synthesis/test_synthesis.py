"""What is drawn onto training pictures, onto which of them, and what is written down of it."""

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.pictures import folder_per_class, marks
from typer.testing import CliRunner

from sfumato.cli import app
from sfumato.data.images import decode
from sfumato.data.randomness import generator
from sfumato.data.source import DataSpec, read_table
from sfumato.data.splits.spec import SplitSpec
from sfumato.data.splits.split import split
from sfumato.errors import InputError
from sfumato.synthesis.artefacts import with_artefacts
from sfumato.synthesis.drawn_logos import SHAPES, drawn_logo
from sfumato.synthesis.fonts import font_for, lacking, latin_fonts, refuse_lacking
from sfumato.synthesis.logos import put_logos, read_logos
from sfumato.synthesis.spec import ArtefactSpec, LogoSpec
from sfumato.synthesis.synthesizing import augment

LABELS = """marks:
  - {id: red, en: red light}
  - {id: green, en: green light}
  - {id: 蓝, en: blue light}
"""
ENGLISH = {"labels": "labels.yaml", "titles.languages": ["en"], "data.columns.group": "source"}


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Two hundred pictures of four sources with marks, and a label file that has English names for them."""
    root = tmp_path_factory.mktemp("synthesis")
    table = marks(root, 200, 150)
    _, *rows = table.read_text(encoding="utf-8").splitlines()
    table.write_text(
        "\n".join(["image,label,source", *(f"{row},{'abcdefgh'[i % 8]}" for i, row in enumerate(rows))]) + "\n"
    )
    (root / "labels.yaml").write_text(LABELS, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def made(place):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        return augment("table.csv", place / "out", overrides={**ENGLISH, "titles.contradicting": 0.2}, quiet=True)


def test_only_training_samples_are_drawn_onto_and_all_stay_in_their_parts(place, made):
    rows = {row["id"]: row for row in lines(made.table)}
    dealt = split(
        read_table(DataSpec(source=str(place / "table.csv"), columns={"group": "source"})).answered, SplitSpec()
    )
    for id_, part in zip(dealt.ids, dealt.rows["part"].to_list(), strict=True):
        assert rows[id_]["split"] == part
        assert (f"{id_}~1" in rows) == (part == "train")
    parts_of = {group: {row["split"] for row in rows.values() if row["source"] == group} for group in "abcdefgh"}
    assert all(len(some) == 1 for some in parts_of.values())
    assert {row["copy_of"] for row in rows.values() if row["synthetic"]} <= set(dealt.part("train").ids)
    assert made.counts["bad"] == 13
    assert len((made.folder / "bad_images.csv").read_text().splitlines()) == 14


def test_a_recipe_takes_the_table_and_its_parts(made):
    read = read_table(DataSpec(source=str(made.table), columns={"group": "source"}))
    dealt = split(read, SplitSpec())
    assert {name: len(dealt.part(name)) for name in ("train", "val", "test")} == {
        name: made.counts[name] for name in ("train", "val", "test")
    }
    assert made.settings == (f"data.source={made.table}",)
    assert all(Path(address).is_file() for address in dealt.first_images)


def test_shares_and_boxes_are_those_that_were_asked_for(made):
    records = lines(made.folder / "record.jsonl")
    count = len(records)
    assert count == made.counts["copies"] > 100
    for name, share in (("logos", 0.35), ("agrees", 0.4), ("contradicts", 0.2)):
        assert abs(made.counts[name] / count - share) < 3 * (share * (1 - share) / count) ** 0.5 + 0.02
    for record in records:
        corners = [logo["corner"] for logo in record["logos"]]
        assert len(corners) == len(set(corners)) <= 2
        assert all(0.5 <= logo["opacity"] <= 0.8 for logo in record["logos"])
        boxes = [logo["box"] for logo in record["logos"]] + ([record["title"]["box"]] if "title" in record else [])
        for left, top, right, bottom in boxes:
            assert 0 <= left < right <= record["width"] and 0 <= top < bottom <= record["height"]
        with Image.open(made.folder / record["picture"]) as picture:
            assert picture.size == (record["width"], record["height"])


def test_titles_say_what_the_record_and_the_table_say_of_them(made):
    truth = {row["id"]: row for row in lines(made.table)}
    names = {"red": "red light", "green": "green light", "蓝": "blue light"}
    seen = Counter()
    for record in lines(made.folder / "record.jsonl"):
        title, row = record.get("title"), truth[record["id"]]
        assert row.get("title_says") == (title["says"] if title else None)
        if title is None:
            continue
        held = set(row["label"].split("|")) - {""}
        assert set(title["classes"]) <= held if title["says"] == "agrees" else not set(title["classes"]) & held
        assert all(names[one] in title["text"] for one in title["classes"])
        seen[title["says"], bool(held)] += 1
    assert seen["agrees", True] > 20 and seen["contradicts", True] > 10 and seen["contradicts", False] > 0
    assert not seen["agrees", False]


def test_the_originals_and_the_data_are_untouched(place, made):
    rows = lines(made.table)
    for row in rows:
        if not row["synthetic"]:
            assert Path(row["image"]) == place / row["id"]
    assert {path.name for path in place.iterdir()} == {"pictures", "table.csv", "labels.yaml", "out"}


def test_a_copy_is_a_function_of_seed_and_sample(place, made, tmp_path, monkeypatch):
    monkeypatch.chdir(place)
    given = {**ENGLISH, "titles.contradicting": 0.2}
    again = augment("table.csv", tmp_path / "again", overrides=given, quiet=True)
    other = augment("table.csv", tmp_path / "other", overrides={**given, "seed": 1}, quiet=True)
    pictures = sorted((made.folder / "pictures").iterdir())
    assert [path.name for path in pictures] == sorted(path.name for path in (again.folder / "pictures").iterdir())
    assert all(path.read_bytes() == (again.folder / "pictures" / path.name).read_bytes() for path in pictures)
    differ = [path.read_bytes() != (other.folder / "pictures" / path.name).read_bytes() for path in pictures]
    assert np.mean(differ) > 0.7


def test_a_copy_may_stand_in_the_place_of_its_sample(place, tmp_path, monkeypatch):
    monkeypatch.chdir(place)
    given = {**ENGLISH, "originals": "replaced", "titles.agreeing": 0.5}
    done = augment("table.csv", tmp_path / "replaced", overrides=given, quiet=True)
    rows = lines(done.table)
    assert len({row["id"] for row in rows}) == len(rows) == 187
    assert all(
        bool(row["synthetic"]) == (row["split"] == "train") == (row["id"] == row["copy_of"] and "~1" in row["image"])
        for row in rows
    )


# what a title or logo is drawn over, and what is done to all of a picture


def asymmetric() -> Image.Image:
    """Red on top, green at the left, a blue legend at the right edge: no two of its sides are alike."""
    pixels = np.full((120, 160, 3), 230, np.uint8)
    pixels[:30, :], pixels[40:110, 4:30], pixels[20:100, 150:] = (200, 30, 30), (30, 160, 60), (30, 60, 200)
    return Image.fromarray(pixels)


def test_a_title_above_moves_nothing_and_a_title_over_hides_no_legend(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "charts"
    for name in ("wind", "rain"):
        (root / name).mkdir(parents=True)
        for i in range(30):
            picture = np.asarray(asymmetric()).copy()
            picture[60 + i % 30, 60:120] = i * 4 + (name == "rain") * 2
            Image.fromarray(picture).save(root / name / f"{i}.png")
    given = {"titles.languages": ["en"], "titles.agreeing": 0.5, "titles.contradicting": 0.5, "logos.share": 0.0}
    quiet = {
        "artefacts.noise": 0.0,
        "artefacts.blur": 0.0,
        "artefacts.jpeg": 0.0,
        "data.split.near_duplicates": "ignored",
    }
    done = augment("charts", "out", overrides={**given, **quiet, "data.split.val": 0, "data.split.test": 0}, quiet=True)
    places = Counter()
    for record in lines(done.folder / "record.jsonl"):
        drawn = decode(done.folder / record["picture"]).astype(int)
        original = decode(root / record["copy_of"]).astype(int) if (root / record["copy_of"]).is_file() else None
        assert original is not None
        title = record["title"]
        places[title["place"]] += 1
        band = drawn.shape[0] - 120
        assert drawn.shape[1] == 160 and (band == 0) == (title["place"] == "over")
        left, top, right, bottom = title["box"]
        changed = (drawn[band:] != original).any(axis=2)
        if title["place"] == "over":
            changed[top:bottom, left:right] = False
            hidden = original[top:bottom, left:right]
            assert (np.abs(np.diff(hidden, axis=1)).max(axis=2) > 24).mean() < 0.03
        assert not changed.any()
    assert set(places) == {"above", "over"}


def test_artefacts_keep_hue_and_sides():
    picture, spec = (
        asymmetric(),
        ArtefactSpec(noise=1, blur=1, jpeg=1, most_noise=12.0, most_blur=2.0, quality=(30, 60)),
    )
    before = np.asarray(picture, dtype=float)
    for copy in range(20):
        after = np.asarray(with_artefacts(picture, spec, generator(copy))[0], dtype=float)
        assert after.shape == before.shape
        assert np.abs(after.mean(axis=(0, 1)) - before.mean(axis=(0, 1))).max() < 4
        own = np.abs(after - before).mean()
        assert all(own < 0.3 * np.abs(turned - before).mean() for turned in (after[:, ::-1], after[::-1]))


def test_logos_stand_in_corners_and_shine_through():
    spec, white = LogoSpec(share=1.0, two=1.0), Image.new("RGB", (300, 200), "white")
    for copy in range(10):
        picture, record = put_logos(white.copy(), read_logos(None), spec, generator(copy))
        pixels = np.asarray(picture).astype(int)
        assert len(record) == 2
        for one in record:
            left, top, right, bottom = one["box"]
            assert (left < 20 or right > 280) and (top < 20 or bottom > 180)
            assert 8 <= bottom - top <= 33
            darkest = 255 - pixels[top:bottom, left:right].min()
            assert 0 < darkest <= round(255 * one["opacity"]) + 1
            pixels[top:bottom, left:right] = 255
        assert (pixels == 255).all()


def test_drawn_logos_are_functions_of_their_generator_and_differ():
    drawn = {shape: np.asarray(drawn_logo(generator(3), 40, shape)) for shape in SHAPES}
    assert all((drawn[shape] == np.asarray(drawn_logo(generator(3), 40, shape))).all() for shape in SHAPES)
    assert all((drawn[one] != drawn[other]).any() for one, other in pairwise(SHAPES))
    assert all(one.shape == (40, 40, 4) and one[..., 3].max() == 255 for one in drawn.values())


# what is refused


def test_a_font_without_a_letter_is_refused_with_the_letter(tmp_path):
    (dejavu, *_), broken = latin_fonts(), tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    assert lacking(dejavu, "a气压b 图") == "气压图"
    said = "DejaVuSans.ttf: titles.fonts_zh: has no glyph for 气 (U+6C14), 压 (U+538B); name a font that has them"
    with pytest.raises(InputError, match=re.escape(said)):
        refuse_lacking(dejavu, "气压", "titles.fonts_zh")
    for path, said in ((str(broken), "not a font that can be read"), (str(tmp_path / "none.ttf"), "no such font")):
        with pytest.raises(InputError, match=said):
            refuse_lacking(path, "a", "titles.fonts_en")
    last = Path(dejavu).with_name("LastResortHE-Regular.ttf")
    with pytest.raises(InputError, match="none of 2 fonts has every letter"):  # it has a box for each
        font_for("气", [dejavu, str(last)], "titles.fonts_zh")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("titles: {agreeing: 0.6}\n", "spec.yaml:1: titles.agreeing: found 0.6; expected at most 0.5"),
        ("\nlogos: {opactiy: [0.5, 0.8]}\n", "spec.yaml:2: logos.opactiy: unknown setting; did you mean 'opacity'?"),
        ("copies: 2\noriginals: replaced\n", "2 copies can't stand in one place"),
        ("titles: {en: [Chart]}\n", "en: 'Chart' has no {} for the name"),
        ("logos: {size: [0.2, 0.1]}\n", "size: 0.2 to 0.1; expected the lesser first"),
        ("logos: {folder: nowhere}\n", "nowhere: logos.folder: no such folder"),
        ("logos: {folder: broken}\n", "broken/a.png: logos.folder: a logo that can't be used: not an image"),
        (
            "logos: {folder: huge}\n",
            "huge/b.png: logos.folder: a logo of 5000 x 4 pixels; expected at most 4096 a side",
        ),
        ("labels: other.yaml\n", "other.yaml: no column has classes that titles could name"),
        ("titles: {fonts_en: [labels.yaml]}\n", "labels.yaml: not a font that can be read"),
    ],
)
def test_wrong_settings_are_told_and_leave_nothing(place, tmp_path, settings, said):
    for name, text in (("spec.yaml", settings), ("labels.yaml", LABELS), ("other.yaml", "things: [cup, spoon]\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    for folder in ("broken", "huge"):
        (tmp_path / folder).mkdir()
    (tmp_path / "broken" / "a.png").write_bytes(b"nothing of the kind")
    Image.new("L", (5000, 4)).save(tmp_path / "huge" / "b.png")
    overrides = {
        "titles.languages": ["en"],
        **({} if "labels:" in settings else {"labels": str(tmp_path / "labels.yaml")}),
    }
    if "titles:" in settings:
        overrides.pop("titles.languages")
    with pytest.raises(InputError, match=re.escape(said)):
        augment(place / "table.csv", tmp_path / "out", spec=tmp_path / "spec.yaml", overrides=overrides, quiet=True)
    assert not (tmp_path / "out").exists()


def test_copies_are_no_unused_samples_and_pictures_of_a_pixel_are_drawn_onto(tmp_path, recwarn):
    rows = ["image,label,split"]
    for i in range(8):
        Image.new("RGB", (1 + i % 3, 1 + i % 2)).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,{'ab'[i % 2]},{('train', 'train', 'val', 'test')[i // 2]}")
    (tmp_path / "table.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    drawn = {"titles.languages": ["en"], "logos.share": 1.0, "copies": 3, "data.split.accept": ["near-duplicates"]}
    done = augment(tmp_path / "table.csv", tmp_path.parent / f"{tmp_path.name}-out", overrides=drawn, quiet=True)
    assert (done.counts["train"], done.counts["val"], done.counts["unused"]) == (16, 2, 0)
    assert not [one for one in recwarn if issubclass(one.category, RuntimeWarning)]


def test_nothing_is_written_into_the_data_or_drawn_twice(place, made, tmp_path):
    photos = folder_per_class(tmp_path / "photos", {"a": 3, "b": 3})
    with pytest.raises(InputError, match="lies inside the data"):
        augment(photos, photos / "out", overrides={"titles.languages": ["en"]}, quiet=True)
    with pytest.raises(InputError, match="has a column 'synthetic' already"):
        augment(made.table, place / "twice", overrides={"titles.languages": ["en"]}, quiet=True)


def test_the_verb(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table, given = (
        str(place / "table.csv"),
        ["--set", f"labels={place / 'labels.yaml'}", "--set", "titles.languages=[en]", "--set", "data.split.val=0.3"],
    )
    done = CliRunner().invoke(app, ["augment", table, "--out", "verb", *given, "--quiet", "--json"])
    found = json.loads(done.stdout)
    assert found["counts"]["copies"] == len(lines(tmp_path / "verb" / "record.jsonl"))
    assert found["settings"] == ["data.source=verb/labels.jsonl", "data.split={}"]
    said = CliRunner().invoke(app, ["augment", table, "--out", "told", *given, "--quiet"])
    assert "copies of training pictures" in said.stdout and "train on it with --set data.source=told" in said.stdout
