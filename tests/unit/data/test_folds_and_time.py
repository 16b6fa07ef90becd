"""Folds, time, many classes a sample, near-duplicates and leaks: what must hold of every split, on made-up tables."""

import random

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sfumato.data.splits.spec import SplitSpec
from sfumato.data.splits.split import split
from sfumato.data.table import UNUSED, Table, Task, make_table
from sfumato.errors import InputError
from sfumato.labels import LabelSpace


def table(labels, *, order=None, **columns) -> Table:
    n = len(labels)
    data = {"id": [f"{i:05}" for i in range(n)], "images": [[f"/{i}.png"] for i in range(n)], "label": list(labels)}
    strings = dict.fromkeys(("group", "cluster", "fold", "part"), pl.String)
    frame = pl.DataFrame({**data, **columns}, schema_overrides=strings)
    many = isinstance(frame["label"].dtype, pl.List)
    if many:
        frame = frame.with_columns(pl.col("label").cast(pl.List(pl.String)))
    names = (frame["label"].explode() if many else frame["label"]).drop_nulls().unique().sort().to_list()
    return make_table(frame[order] if order else frame, (Task("label", LabelSpace(tuple(names)), many),), "test")


def where(result: Table) -> dict[str, str]:
    return dict(zip(result.ids, result.rows["part"].to_list(), strict=True))


def vals(made: Table, folds: int, **spec) -> list[set[str]]:
    """Ids of the val part, fold by fold."""
    parts = [split(made, SplitSpec(folds=folds, fold=k, **spec)).part("val") for k in range(folds)]
    return [set(part.ids) for part in parts]


cells = st.tuples(st.sampled_from("abcd"), st.integers(0, 9), st.integers(0, 30))
rows_of = st.lists(cells, min_size=8, max_size=80).filter(lambda rows: len({row[0] for row in rows}) > 1)


THREE_GROUPS = [("a", 0, 0), ("a", 0, 0), ("a", 0, 0), ("a", 2, 0), ("b", 0, 0), ("b", 1, 0), ("c", 1, 0), ("c", 2, 0)]
"""Any two of the groups hold all there is of one class."""


@settings(max_examples=50, deadline=None)
@example(THREE_GROUPS, 2, True, False, False, random.Random(0))
@given(rows_of, st.integers(2, 5), st.booleans(), st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_every_sample_is_val_in_one_fold_and_nothing_crosses(rows, folds, grouped, clustered, many, shuffle):
    columns = {}
    if grouped:
        columns["group"] = [f"g{row[1]}" for row in rows]
    if clustered:
        columns["cluster"] = [f"c{row[2]}" if row[2] < 20 else None for row in rows]
    labels = [[row[0]] if i % 3 else [row[0], "e"] for i, row in enumerate(rows)] if many else [row[0] for row in rows]
    order = list(range(len(rows)))
    shuffle.shuffle(order)
    straight, shuffled = (table(labels, order=turn, **columns) for turn in (None, order))
    seen: dict[str, int] = {}
    for fold in range(folds):
        spec = SplitSpec(folds=folds, fold=fold, test=0.0)
        result = split(straight, spec)
        assert where(result) == where(split(shuffled, spec))
        assert sum(len(result.part(name)) for name in ("train", "val", "test")) == len(rows)
        for column in ("group", "cluster"):
            sides = result.rows.filter(pl.col(column).is_not_null()).group_by(column).agg(pl.col("part").n_unique())
            assert sides["part"].max() in (None, 1)
        for id_ in result.part("val").ids:
            seen[id_] = seen.get(id_, 0) + 1
        train = result.part("train").rows["label"]
        assert set((train.explode() if many else train).to_list()) == set(straight.tasks[0].labels.names)
    pinned = set(straight.ids) - set(seen)
    assert set(seen.values()) <= {1}
    reasons = dict(zip(result.ids, result.rows["reason"].to_list(), strict=True))
    assert all("only samples of their class" in reasons[id_] for id_ in pinned)


def test_classes_too_rare_for_the_folds():
    """n = 1 trains always; 1 < n < folds: each is val once; the others differ by one sample at most."""
    made = table(["a"] * 50 + ["b"] * 33 + ["once"] + ["thrice"] * 3)
    folds = vals(made, 5, test=0.0)
    label = dict(zip(made.ids, made.rows["label"].to_list(), strict=True))
    counts = {name: [sum(label[i] == name for i in fold) for fold in folds] for name in ("a", "b", "once", "thrice")}
    assert counts["a"] == [10] * 5
    assert sorted(counts["b"]) == [6, 6, 7, 7, 7]
    assert counts["once"] == [0] * 5
    assert sorted(counts["thrice"]) == [0, 0, 1, 1, 1]
    assert {len(fold) for fold in folds} <= {17, 18}
    notes = split(made, SplitSpec(folds=5, fold=0)).notes
    assert any("too rare to stand in val" in note and "once" in note for note in notes)


def test_folds_of_groups_are_even():
    """44 groups of 60, each with a class balance of its own."""
    rng = np.random.default_rng(0)
    share = rng.beta(0.5, 1.0, 44)
    labels = ["ab"[int(rng.random() < share[i // 60])] for i in range(44 * 60)]
    made = table(labels, group=[f"g{i // 60}" for i in range(len(labels))])
    label = dict(zip(made.ids, labels, strict=True))
    for fold in vals(made, 5, test=0.0):
        assert len(fold) / len(labels) == pytest.approx(0.2, abs=0.03)
        assert np.mean([label[i] == "b" for i in fold]) == pytest.approx(labels.count("b") / len(labels), abs=0.03)


def test_many_classes_a_sample_are_spread_evenly():
    """Every class within one sample of its share, also the rarest (10 of 3,000)."""
    rng = np.random.default_rng(1)
    chance = np.geomspace(0.5, 0.004, 12)
    labels = [[f"c{j:02}" for j in np.flatnonzero(rng.random(12) < chance)] for _ in range(3000)]
    made = table(labels)
    result = split(made, SplitSpec(val=0.2, test=0.3))
    whole = made.rows["label"].explode().value_counts().sort("label").drop_nulls()
    for name, part_share in (("val", 0.2), ("test", 0.3)):
        part = result.part(name).rows["label"].explode().value_counts().sort("label").drop_nulls()
        wanted = whole["count"].to_numpy() * part_share
        assert part["label"].to_list() == whole["label"].to_list()
        assert np.abs(part["count"].to_numpy() - wanted).max() <= np.maximum(2, 0.02 * wanted).max()
    for fold in vals(made, 5, test=0.0):
        inside = made.rows.filter(pl.col("id").is_in(list(fold)))["label"].explode().value_counts().sort("label")
        found = dict(zip(inside["label"], inside["count"], strict=True))
        for name, count in whole.iter_rows():
            assert found.get(name, 0) == pytest.approx(count / 5, abs=max(1.5, 0.05 * count))


def test_time_trains_on_the_past():
    rng = np.random.default_rng(0)
    time = rng.permutation(200).astype(float)
    time[:20] = time[20:40]  # samples of one moment stay together
    groups = [f"g{int(t) // 7}" for t in time]
    made = table(rng.choice(list("ab"), 200), time=time, group=groups)
    result = split(made, SplitSpec(by="time", val=0.2, test=0.2))
    when = {name: result.part(name).rows["time"] for name in ("train", "val", "test")}
    assert when["train"].max() < when["val"].max()
    assert when["val"].max() < when["test"].max()
    assert result.rows.group_by("group").agg(pl.col("part").n_unique())["part"].max() == 1
    for name, share in (("val", 0.2), ("test", 0.2)):
        assert len(when[name]) / 200 == pytest.approx(share, abs=0.05)


def test_folds_of_time_never_train_on_what_comes_later():
    made = table(list("ab") * 60, time=[float(i) for i in range(120)])
    for fold in range(4):
        result = split(made, SplitSpec(by="time", folds=4, fold=fold, test=0.0))
        assert result.part("train").rows["time"].max() < result.part("val").rows["time"].min()
        assert len(result.part("val")) == 24
        assert len(result.part("train")) == 24 * (fold + 1)
        assert len(result.part(UNUSED)) == 24 * (3 - fold)


def test_time_needs_times():
    with pytest.raises(InputError, match=r"data\.split\.by: 1 of 4 samples have no time"):
        split(table(list("abab"), time=[1.0, None, 2.0, 3.0]), SplitSpec(by="time"))


def test_a_fold_of_the_data():
    made = table(list("ab") * 30, fold=[str(i % 3) for i in range(60)])
    result = split(made, SplitSpec(fold="1", test=0.0))
    assert set(result.part("val").rows["fold"].to_list()) == {"1"}
    assert len(result.part("val")) == 20
    with pytest.raises(InputError, match=r"data\.split\.fold: no fold '7' in the data; expected one of 0, 1, 2"):
        split(made, SplitSpec(fold="7"))


def test_a_fold_may_be_the_test_part_and_the_rest_has_a_val_part_of_its_own():
    made = table("aabbb" * 20, group=[str(i // 2) for i in range(100)])
    folds = [split(made, SplitSpec(val=0.25, folds=4, fold=k, fold_part="test")) for k in range(4)]
    tested = [set(one.part("test").ids) for one in folds]
    assert tested == vals(made, 4, test=0)
    assert [[len(one.part(name)) for name in ("val", "test")] for one in folds] == [
        [18, 26],
        [18, 26],
        [20, 24],
        [20, 24],
    ]
    for one in folds:
        parts = one.rows.group_by("group").agg(pl.col("part").n_unique())["part"]
        assert (parts == 1).all()
    assert folds[0].rows.filter(pl.col("part") == "test")["reason"][0] == "test: fold 0 of 4"


def test_folds_of_time_that_are_tested_choose_on_what_came_just_before():
    made = table("ab" * 20, time=list(range(40)))
    one = split(made, SplitSpec(by="time", val=0.2, folds=3, fold=1, fold_part="test"))
    times = {name: one.part(name).rows["time"] for name in ("train", "val", "test")}
    assert times["train"].max() < times["val"].min()
    assert times["val"].max() < times["test"].min()
    assert len(one.part(UNUSED))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fold_part": "test"}, "fold_part has no effect without fold"),
        ({"fold_part": "test", "folds": 2, "fold": 0, "test": 0.2}, "test has no effect: the fold is the test part"),
        ({"folds": 2, "fold": 0, "val": 0.2}, "val has no effect: the fold is the val part"),
    ],
)
def test_shares_that_give_way_to_a_fold(given, message):
    with pytest.raises(ValueError, match=message):
        SplitSpec(**given)


def test_a_test_part_of_the_data_is_no_fold():
    made = table("ab" * 4, part=["test"] * 2 + [None] * 6)
    with pytest.raises(InputError, match=r"data\.split\.fold: has no effect: the data gives its own test part"):
        split(made, SplitSpec(folds=2, fold=0, fold_part="test"))


def test_a_given_split_that_leaks_is_refused_unless_accepted():
    parts = ["test" if i % 4 == 0 else "train" for i in range(80)]
    groups = [f"g{i // 3}" for i in range(80)]
    made = table(list("ab") * 40, part=parts, group=groups)
    with pytest.raises(InputError) as caught:
        split(made, SplitSpec(val=0.0))
    assert "of the test samples" in str(caught.value)
    assert "have samples of their group in another part, such as 00000" in str(caught.value)
    assert str(caught.value).endswith("accept it with data.split.accept: [groups]")
    notes = split(made, SplitSpec(val=0.0, accept=("groups",))).notes
    assert any("accepted by the recipe" in note for note in notes)
    assert not any("each in one part" in note for note in notes)
    with pytest.raises(InputError, match=r"data\.split\.accept: near-duplicates has no effect: no such leak"):
        split(table(list("ab") * 40, part=parts), SplitSpec(val=0.0, accept=("near-duplicates",)))


def test_a_leak_of_a_few_is_a_note():
    parts = ["test" if i < 200 else "train" for i in range(800)]
    cluster = [None] * 800
    cluster[0] = cluster[300] = "x"
    notes = split(table(list("ab") * 400, part=parts, cluster=cluster), SplitSpec(val=0.0)).notes
    assert any("1 test samples have near-duplicates in another part, too few to matter" in note for note in notes)


def test_one_picture_under_two_ids_is_on_one_side():
    made = table(list("ab") * 40, images=[[f"/{i // 2}.png"] for i in range(80)])
    parts = where(split(made, SplitSpec()))
    assert all(parts[f"{i:05}"] == parts[f"{i + 1:05}"] for i in range(0, 80, 2))


def test_settings_without_effect_on_given_parts():
    made = table(list("ab") * 9, part=["train", "val", "test"] * 6)
    for spec in (SplitSpec(seed=3), SplitSpec(by="time"), SplitSpec(stratify=("kind",))):
        with pytest.raises(InputError, match="has no effect: the data gives its own parts"):
            split(made, spec)


def test_a_class_that_never_trains_is_named():
    parts = ["train", "train", "val", "test"] * 10
    labels = ["a" if i % 4 else "b" for i in range(40)]
    labels = ["c" if parts[i] == "test" and i > 20 else label for i, label in enumerate(labels)]
    assert (
        "data.split: in no training sample, so never learnt: c" in split(table(labels, part=parts), SplitSpec()).notes
    )
