"""What is wrong with any fold is found before one is trained, in one line, and nothing is left behind."""

from pathlib import Path

import pytest
from tests.pictures import KINDS, picture

import sfumato
from sfumato.data.progress import unseen
from sfumato.errors import InputError
from sfumato.folds.dealing import deal_folds
from sfumato.folds.plan import FoldPlan

RECIPE = {
    "name": "dealt",
    "data": {"source": "table.csv", "columns": {"fold": "site"}, "split": {"test": 0}},
    "model": {"backbone": "test_efficientnet", "weights": "none"},
    "train": {"epochs": 1, "precision": "fp32", "workers": 0},
    "timeline": [{"at": "0ep", "image_size": 32, "batch_size": 8}],
}
SITES = FoldPlan(("east", "north", "west"))


def table(folder: Path, rows: list[tuple[str, str, str]]) -> None:
    """A picture a row of kind, site and group."""
    lines = ["image,label,site,group"]
    for i, (kind, site, group) in enumerate(rows):
        picture(kind, i).save(folder / f"{i:03}.png")
        lines.append(f"{i:03}.png,{kind},{site},{group}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")


def each_site(*sites: str) -> list[tuple[str, str, str]]:
    return [(kind, site, "") for site in sites for kind in KINDS[:2] for _ in range(3)]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def deal(plan=SITES, **changes):
    return deal_folds(RECIPE, {f"data.split.{name}": value for name, value in changes.items()}, plan, lambda _: unseen)


def refused(folds="given", overrides=None) -> str:
    with pytest.raises(InputError) as caught:
        sfumato.crossval(RECIPE, overrides=overrides, folds=folds, out="cv", quiet=True)
    found = str(caught.value)
    assert "\n" not in found
    assert not Path("cv").exists()
    return found


def test_the_tables_are_those_of_the_runs(tmp_path):
    table(tmp_path, each_site("east", "north", "west"))
    found = deal()
    for name, own in zip(SITES.names, found.tables, strict=True):
        held = own.part("val").rows
        assert set(held["fold"].to_list()) == {name}
        assert len(held) == 6
        assert len(own.part("train")) == 12
    assert found.notes == ()
    assert len(found.sharing.pictures) == 18


def test_more_folds_than_samples(tmp_path):
    table(tmp_path, each_site("east")[1:5])
    found = refused(5, {"data.columns.fold": None})
    assert "no sample falls into fold" in found
    assert found.endswith("expected at most 4 folds")


def test_a_fold_that_holds_all_there_is_of_a_class(tmp_path):
    table(tmp_path, [*each_site("east", "north", "west"), ("checks", "north", ""), ("checks", "north", "")])
    assert deal().notes == ("fold north holds out every sample of checks, which its run can't learn",)


def test_a_fold_without_which_one_class_is_left(tmp_path):
    table(tmp_path, [("disc", "east", "")] * 3 + [("disc", "west", "")] * 3 + [("stripes", "north", "")] * 3)
    assert "without fold north a single class is left to train on; expected samples of two classes" in refused()


def test_of_several_classes_a_picture_one_is_enough_to_learn(tmp_path):
    """Three pictures a site, the first four of which are of `a` and all others of nothing."""
    table(tmp_path, [("disc", site, "") for site in ("east", "north", "west") for _ in range(3)])
    path = tmp_path / "table.csv"
    text = path.read_text().replace(",disc,", ",|,")
    path.write_text(text.replace(",|,", ",a|,", 4))
    overrides = {"data.columns.separator": "|"}
    found = deal_folds(RECIPE, overrides, SITES, lambda _: unseen)
    assert [own.part("train").class_counts.tolist() for own in found.tables] == [[1], [3], [4]]
    path.write_text(text.replace(",|,", ",a|,", 3))
    assert "without fold east no class is left to train on; expected samples of some class" in refused(
        overrides=overrides
    )


def test_a_leak_of_the_last_fold(tmp_path):
    rows = [*each_site("east", "north", "west"), ("disc", "north", "pair"), ("disc", "west", "pair")]
    table(tmp_path, rows)
    assert "1 of the val samples (14.3%) have samples of their group in another part" in refused()


@pytest.mark.slow
def test_an_accepted_leak_is_accepted_where_it_is(tmp_path):
    table(tmp_path, [*each_site("east", "north", "west"), ("disc", "north", "pair"), ("disc", "west", "pair")])
    found = deal(accept=["groups"])
    assert [own["data.split.accept"] for own in found.overrides] == [[], ["groups"], ["groups"]]
    overrides = {"data.split.accept": ["groups"]}
    done = sfumato.crossval(RECIPE, overrides=overrides, folds="given", out="cv", quiet=True)
    assert len(done.predictions["oof"]) == 20


def test_a_leak_that_is_in_no_fold_has_no_effect(tmp_path):
    table(tmp_path, each_site("east", "north", "west"))
    found = refused(overrides={"data.split.accept": ["groups"]})
    assert found == "--set: data.split.accept: groups has no effect: no such leak in any fold"


def test_mistakes_of_the_recipe_come_before_a_look_at_the_pictures(tmp_path, monkeypatch):
    table(tmp_path, each_site("east", "north", "west"))
    monkeypatch.setattr("sfumato.data.sharing.leave_out_bad", lambda *_: pytest.fail("looked"))
    with pytest.raises(InputError, match="no pattern covers"):
        deal_folds(RECIPE, {"timeline[0].learn": {"nobody": 1}}, SITES, lambda _: unseen)


def test_nested_folds_are_the_test_part(tmp_path):
    table(tmp_path, each_site("east", "north", "west"))
    found = deal_folds(RECIPE, {"data.split.val": 0.25}, FoldPlan(SITES.folds, nested=True), lambda _: unseen)
    for name, own in zip(SITES.names, found.tables, strict=True):
        assert set(own.part("test").rows["fold"].to_list()) == {name}
        assert name not in own.part("val").rows["fold"].to_list()
        assert (len(own.part("test")), len(own.part("val"))) == (6, 3)
