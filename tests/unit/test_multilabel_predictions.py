from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.multilabel_predictions import MultilabelPredictions, known_rows, read_predictions
from sfumato.predictions import Predictions
from sfumato.view_tables import read_view_table, write_view_table

SPACE = LabelSpace(("a", "b", "云"))
TRUTH = np.array([[1, 0, 1], [0, 0, 0], [-1, -1, -1], [0, 1, 0]], dtype=np.int8)
TABLE = MultilabelPredictions(
    ("p", "q", "r", "s"),
    TRUTH,
    np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32),
    SPACE,
    np.array([0, 0, 1, 2]),
    ("x", "x", "y", "y"),
)


def test_a_table_is_read_back(tmp_path):
    TABLE.write(tmp_path / "p.parquet")
    assert pl.read_parquet(tmp_path / "p.parquet")["label"].to_list() == [["a", "云"], [], None, ["b"]]
    again = read_predictions(tmp_path / "p.parquet")
    assert isinstance(again, MultilabelPredictions)
    assert np.array_equal(again.truth, TRUTH) and np.array_equal(again.logits, TABLE.logits)
    assert (again.ids, again.labels, again.folds) == (TABLE.ids, TABLE.labels, TABLE.folds)
    assert known_rows(again).tolist() == [True, True, False, True]
    assert again.known().folds == ("x", "x", "y")


def test_a_table_of_one_class_a_sample_is_read_as_such(tmp_path):
    Predictions(TABLE.ids, np.array([0, 1, -1, 2]), TABLE.logits, SPACE).write(tmp_path / "p.parquet")
    found = read_predictions(tmp_path / "p.parquet")
    assert isinstance(found, Predictions)
    assert known_rows(found).tolist() == [True, True, False, True]


def test_views_of_it_are_read_back(tmp_path):
    said = {"plain": TABLE, "flipped": replace(TABLE, logits=-TABLE.logits)}
    write_view_table(tmp_path / "v.parquet", said)
    again = read_view_table(tmp_path / "v.parquet", TABLE)
    assert list(again) == ["plain", "flipped"]
    assert np.array_equal(again["flipped"].logits, -TABLE.logits)
    assert np.array_equal(again["flipped"].truth, TRUTH)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"truth": TRUTH[:, :2]}, "truth of shape"),
        ({"logits": np.full((4, 3), np.nan, dtype=np.float32)}, "a logit is not finite"),
        ({"ids": ("p", "p", "r", "s")}, "a sample id stands twice"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, said):
    with pytest.raises(InputError, match=said):
        replace(TABLE, **change)


def test_no_file_and_a_damaged_one_are_told_in_one_line(tmp_path):
    with pytest.raises(InputError, match="no such predictions table"):
        read_predictions(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match="damaged"):
        read_predictions(tmp_path / "bad.parquet")
