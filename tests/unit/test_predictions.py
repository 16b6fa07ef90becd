from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from sfumato.data.table import Task, make_table
from sfumato.decided import measure_decisions
from sfumato.decision.policy import Policy
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.predictions import Predictions, logit_blocks, read_rows
from sfumato.training.inference import groups_of

SPACE = LabelSpace(("a", "b"))


def said(groups: np.ndarray | None = None) -> Predictions:
    truth = np.arange(40, dtype=np.int64) // 2 % 2
    logits = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    return Predictions(tuple(map(str, range(40))), truth, logits, SPACE, groups)


@pytest.mark.parametrize("groups", [None, np.arange(40) // 4])
def test_a_table_is_read_back(tmp_path, groups):
    said(groups).write(tmp_path / "p.parquet")
    again = Predictions.read(tmp_path / "p.parquet")
    assert again.ids == said().ids
    assert np.array_equal(again.logits, said().logits)
    assert np.array_equal(again.truth, said().truth)
    assert ("group" in pl.read_parquet(tmp_path / "p.parquet").columns) == (groups is not None)
    assert again.groups is None if groups is None else np.array_equal(again.groups, groups)


def test_folds_are_read_back_and_go_with_their_samples(tmp_path):
    folds = tuple("ab"[i % 2] for i in range(40))
    table = replace(said(), folds=folds, truth=np.where(np.arange(40) < 30, said().truth, -1))
    table.write(tmp_path / "p.parquet")
    assert pl.read_parquet(tmp_path / "p.parquet")["fold"].to_list() == list(folds)
    assert Predictions.read(tmp_path / "p.parquet").folds == folds
    assert table.known().folds == folds[:30]
    with pytest.raises(InputError, match="folds of 2 samples; expected 40"):
        replace(said(), folds=("a", "b"))


def test_some_of_the_samples_keep_what_belongs_to_them():
    whole = replace(said(np.arange(40) // 4), folds=tuple("ab"[i % 2] for i in range(40)))
    rows = whole.truth == 1
    part = whole.only(rows)
    assert part.ids == tuple(name for name, there in zip(whole.ids, rows, strict=True) if there)
    assert np.array_equal(part.logits, whole.logits[rows]) and np.array_equal(part.groups, whole.groups[rows])
    assert set(part.truth) == {1} and len(part.folds) == len(part) == rows.sum()


def test_familiarity_is_read_back_and_goes_with_its_samples(tmp_path):
    near = -np.linspace(0, 900, 40, dtype=np.float32)
    table = replace(said(), familiarity=near, truth=np.where(np.arange(40) < 30, said().truth, -1))
    table.write(tmp_path / "p.parquet")
    assert np.array_equal(Predictions.read(tmp_path / "p.parquet").familiarity, near)
    assert np.array_equal(table.known().familiarity, near[:30])
    with pytest.raises(InputError, match=r"familiarity of shape \(2,\); expected \(40,\)"):
        replace(said(), familiarity=near[:2])
    near[3] = np.nan
    with pytest.raises(InputError, match="a familiarity is not finite"):
        replace(said(), familiarity=near)


def test_decisions_are_measured_by_group():
    assert measure_decisions(said(), Policy()).groups is None
    assert measure_decisions(said(np.arange(40) // 4), Policy()).groups == 10


def test_groups_of_another_length_are_refused():
    with pytest.raises(InputError, match="groups of shape"):
        said(np.arange(3))


@pytest.mark.parametrize(
    ("group", "cluster", "expected"),
    [
        ([None, None, None, None], [None, None, None, None], None),
        (["x", "y", "z", "w"], [None, None, None, None], None),
        (["x", "x", "z", "w"], [None, None, None, None], [0, 0, 1, 2]),
        ([None, "x", "x", None], ["k", "k", None, None], [0, 0, 0, 1]),
    ],
)
def test_what_a_split_keeps_together_is_a_group(group, cluster, expected):
    rows = {
        "id": list("1234"),
        "images": [["w"], ["x"], ["y"], ["z"]],
        "label": list("abab"),
        "group": group,
        "cluster": cluster,
    }
    frame = pl.DataFrame(rows, schema_overrides={"group": pl.String, "cluster": pl.String})
    found = groups_of(make_table(frame, (Task("label", SPACE),), "x"))
    assert found is None if expected is None else found.tolist() == expected


@pytest.mark.parametrize("content", [b"", b"junk", b"PAR1" * 9])
def test_a_damaged_table_is_named_in_one_line(tmp_path, content):
    (tmp_path / "p.parquet").write_bytes(content)
    with pytest.raises(InputError) as caught:
        Predictions.read(tmp_path / "p.parquet")
    assert str(caught.value).startswith(f"{tmp_path / 'p.parquet'}: damaged: ")
    assert "\n" not in str(caught.value)


def test_a_table_of_something_else_is_refused(tmp_path):
    pl.DataFrame({"x": [1]}).write_parquet(tmp_path / "p.parquet")
    with pytest.raises(InputError, match="damaged"):
        Predictions.read(tmp_path / "p.parquet")


def test_a_table_written_number_by_number_is_the_same_file_format(tmp_path):
    """As versions before this one wrote it; and what this one writes reads as it did for them."""
    old = pl.DataFrame(
        {"id": ["x", "y", "z"], "label": ["b", None, "a"], "logits": [[0.5, -1.0], [2.0, 3.0], [0.0, 0.25]]},
        schema={"id": pl.String, "label": pl.String, "logits": pl.List(pl.Float32)},
    )
    old.write_parquet(tmp_path / "old.parquet", metadata={"labels": '["a", "b"]'})
    found = Predictions.read(tmp_path / "old.parquet")
    assert (found.ids, found.truth.tolist()) == (("x", "y", "z"), [1, -1, 0])
    assert found.logits.tolist() == old["logits"].to_list()
    found.write(tmp_path / "new.parquet")
    assert pl.read_parquet(tmp_path / "new.parquet").equals(old)
    assert pl.read_parquet_schema(tmp_path / "new.parquet") == old.schema
    for rows in (1, 2, 3, 9):
        blocks = list(logit_blocks(tmp_path / "new.parquet", rows))
        assert len(blocks) == -(-3 // rows)
        assert np.array_equal(np.concatenate(blocks), found.logits)


def test_a_table_without_a_sample_is_read_back(tmp_path):
    none = Predictions((), np.zeros(0, dtype=np.int64), np.zeros((0, 2), dtype=np.float32), SPACE)
    none.write(tmp_path / "p.parquet")
    assert len(Predictions.read(tmp_path / "p.parquet")) == 0
    assert list(logit_blocks(tmp_path / "p.parquet")) == []


@pytest.mark.parametrize("rows", [[[0.0, 1.0], [0.0]], [[0.0, None], [0.0, 1.0]], [[0.0] * 3, [0.0] * 3]])
def test_rows_of_other_lengths_and_missing_numbers_are_damage(tmp_path, rows):
    frame = pl.DataFrame(
        {"id": ["x", "y"], "label": ["a", "b"], "logits": rows}, schema_overrides={"logits": pl.List(pl.Float32)}
    )
    frame.write_parquet(tmp_path / "p.parquet", metadata={"labels": '["a", "b"]'})
    with pytest.raises(InputError, match="damaged: "):
        Predictions.read(tmp_path / "p.parquet")


def test_rows_are_read_without_their_logits(tmp_path):
    said(np.arange(40) // 4).write(tmp_path / "p.parquet")
    rows, whole = read_rows(tmp_path / "p.parquet"), Predictions.read(tmp_path / "p.parquet")
    assert (rows.ids, rows.labels) == (whole.ids, whole.labels)
    assert np.array_equal(rows.truth, whole.truth)
    assert np.array_equal(rows.groups, whole.groups)


def test_what_is_read_in_parts_is_checked_as_a_whole_table_is(tmp_path):
    table = pl.DataFrame({"id": ["x", "x"], "label": ["a", "b"], "logits": [[0.0, 1.0], [0.0, float("nan")]]})
    table.write_parquet(tmp_path / "p.parquet", metadata={"labels": '["a", "b"]'})
    with pytest.raises(InputError, match="p.parquet: damaged: a sample id stands twice"):
        read_rows(tmp_path / "p.parquet")
    with pytest.raises(InputError, match="p.parquet: damaged: a logit is not finite"):
        list(logit_blocks(tmp_path / "p.parquet"))
