import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sfumato.data.splits.spec import SplitSpec
from sfumato.data.splits.split import split
from sfumato.data.table import PARTS, Table, Task, make_table
from sfumato.errors import InputError
from sfumato.labels import LabelSpace


def table(labels, groups=None, strata=None, parts=None, order=None, **more) -> Table:
    """A table of one task; several classes a sample where the labels are lists."""
    n = len(labels)
    columns = {"id": [f"{i:05}" for i in range(n)], "images": [[f"/{i}.png"] for i in range(n)], "label": list(labels)}
    for name, values in (("group", groups), ("stratum", strata), ("part", parts), *more.items()):
        if values is not None:
            columns[name] = list(values)
    frame = pl.DataFrame(columns, schema_overrides={"part": pl.String, "group": pl.String})
    many = isinstance(frame["label"].dtype, pl.List)
    names = (frame["label"].explode() if many else frame["label"]).drop_nulls().unique().sort().to_list()
    return make_table(frame[order] if order else frame, (Task("label", LabelSpace(tuple(names)), many),), "test")


def parts_of(result: Table) -> dict[str, set[str]]:
    return {name: set(result.part(name).ids) for name in PARTS}


samples = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 12)), min_size=6, max_size=120).filter(
    lambda rows: len({label for label, _ in rows}) > 1
)


@settings(max_examples=60, deadline=None)
@given(samples, st.booleans(), st.integers(0, 3), st.sampled_from([(0.15, 0.15), (0.3, 0.25), (0.1, 0.0), (0.0, 0.5)]))
def test_no_split_leaks(rows, grouped, seed, shares):
    labels = [label for label, _ in rows]
    groups = [f"g{group}" for _, group in rows] if grouped else None
    given_table = table(labels, groups)
    spec = SplitSpec(val=shares[0], test=shares[1], seed=seed)
    result = split(given_table, spec)
    parts = parts_of(result)
    assert sum(len(ids) for ids in parts.values()) == len(rows)
    assert set().union(*parts.values()) == set(given_table.ids)
    if grouped:
        by_part = [set(result.part(name).rows["group"].to_list()) for name in PARTS]
        assert not (by_part[0] & by_part[1] or by_part[0] & by_part[2] or by_part[1] & by_part[2])
    assert set(result.part("train").rows["label"].to_list()) == set(labels)
    if shares[0] == 0:
        assert not parts["val"]


@settings(max_examples=30, deadline=None)
@given(samples, st.randoms(use_true_random=False))
def test_order_of_the_source_changes_nothing(rows, shuffle):
    labels, groups = [label for label, _ in rows], [f"g{group}" for _, group in rows]
    order = list(range(len(rows)))
    shuffle.shuffle(order)
    straight, shuffled = table(labels, groups), table(labels, groups, order=order)
    assert parts_of(split(shuffled, SplitSpec())) == parts_of(split(straight, SplitSpec()))


def test_shares_and_strata_are_met():
    rng = np.random.default_rng(0)
    labels, strata = rng.choice(list("aaaab"), 2000), rng.choice(["x", "y", "y"], 2000)
    result = split(table(labels, strata=strata), SplitSpec(val=0.1, test=0.25, stratify=("kind",)))
    whole = result.rows.group_by("label", "stratum").len().sort("label", "stratum")["len"] / 2000
    for name, share in (("train", 0.65), ("val", 0.1), ("test", 0.25)):
        part = result.part(name)
        assert len(part) == pytest.approx(2000 * share, abs=1)
        shares = part.rows.group_by("label", "stratum").len().sort("label", "stratum")["len"] / len(part)
        assert shares.to_list() == pytest.approx(whole.to_list(), abs=0.01)


@pytest.mark.parametrize("grouped", [True, False])
def test_strata_of_a_sample_each_leave_parts_of_their_size(grouped):
    n = 60
    groups = [f"g{i // 3}" for i in range(n)] if grouped else None
    strata = [f"day {i}" for i in range(n)]
    result = split(table(list("abc") * 20, groups, strata=strata), SplitSpec(stratify=("kind",)))
    assert [len(result.part(name)) for name in PARTS] == [42, 9, 9]


def test_few_large_groups_are_split_as_evenly_as_they_can_be():
    """44 groups of 60, each with a class balance of its own: no part may be far from the whole."""
    rng = np.random.default_rng(0)
    share = rng.beta(0.5, 1.0, 44)
    labels = ["ab"[int(rng.random() < share[i // 60])] for i in range(44 * 60)]
    for seed in range(5):
        result = split(
            table(labels, [f"g{i // 60}" for i in range(len(labels))]), SplitSpec(val=0.1, test=0.25, seed=seed)
        )
        whole = labels.count("b") / len(labels)
        for name, size in (("val", 0.1), ("test", 0.25)):
            part = result.part(name)
            assert len(part) / len(labels) == pytest.approx(size, abs=0.02)
            assert (part.rows["label"] == "b").mean() == pytest.approx(whole, abs=0.02)


def test_seeds_differ_and_repeat():
    labels = list("ab") * 50
    splits = [parts_of(split(table(labels), SplitSpec(seed=seed))) for seed in (0, 1, 0)]
    assert splits[0] == splits[2] != splits[1]


def test_rare_classes_train_first_and_are_named():
    result = split(table(["a"] * 40 + ["b"] * 40 + ["once"] + ["twice"] * 2), SplitSpec(val=0.2, test=0.2))
    train = result.part("train").rows["label"].to_list()
    assert train.count("once") == 1
    assert train.count("twice") >= 1
    assert any(
        note.startswith("data.split: too rare to stand in test, so not measured there: once") for note in result.notes
    )


@pytest.mark.parametrize("each", [1, 2, 3, 5])
def test_a_handful_of_images_a_class(each):
    result = split(table(sorted("abc" * each)), SplitSpec())
    sizes = [len(result.part(name)) for name in PARTS]
    assert sizes == {1: [3, 0, 0], 2: [4, 1, 1], 3: [7, 1, 1], 5: [11, 2, 2]}[each]


def test_given_parts_stay_and_what_is_missing_comes_from_training():
    parts = ["test" if i % 5 == 0 else "train" for i in range(100)]
    result = split(table(list("ab") * 50, parts=parts), SplitSpec(val=0.25))
    assert len(result.part("test")) == 20
    assert len(result.part("val")) == 20
    assert all(int(i) % 5 == 0 for i in result.part("test").ids)


def test_a_share_of_a_given_part_has_no_effect():
    with pytest.raises(InputError, match=r"data\.split\.val: has no effect: the data gives its own val part"):
        split(table(list("ab") * 9, parts=["train", "val", "test"] * 6), SplitSpec(val=0.2))


def test_nothing_to_train_on():
    with pytest.raises(InputError, match="no sample is left to train on"):
        split(table(list("ab") * 9, parts=["val", "test"] * 9), SplitSpec())


def test_shares_that_leave_nothing_are_refused():
    with pytest.raises(ValidationError, match=r"val 0\.5 and test 0\.5 leave nothing to train on"):
        SplitSpec(val=0.5, test=0.5)


def test_one_whole_group_cannot_be_split():
    result = split(table(list("ab") * 20, groups=["g"] * 40), SplitSpec())
    assert [len(result.part(name)) for name in PARTS] == [40, 0, 0]


def test_ungrouped_rows_stand_alone_among_groups():
    groups = ["g" if i < 10 else None for i in range(60)]
    result = split(table(list("ab") * 30, groups=groups), SplitSpec(val=0.2, test=0.2))
    assert result.rows.filter(pl.col("group") == "g")["part"].n_unique() == 1
    assert len(result.part("test")) > 5


def test_a_part_has_its_share_of_groups_and_of_lone_samples():
    """500 of 2,600 samples are in groups of 2 to 5: a quarter of the samples is a quarter of those too."""
    rng = np.random.default_rng(0)
    groups = [f"g{i // int(rng.integers(2, 6))}" if i < 500 else None for i in range(2600)]
    labels = rng.choice(list("aaab"), 2600)
    result = split(table(labels, groups=groups), SplitSpec(val=0.1, test=0.25))
    for name, share in (("val", 0.1), ("test", 0.25)):
        part = result.part(name).rows
        assert len(part) == pytest.approx(2600 * share, abs=20)
        assert part["group"].is_not_null().sum() == pytest.approx(500 * share, abs=20)
        assert (part["label"] == "b").mean() == pytest.approx((labels == "b").mean(), abs=0.02)
