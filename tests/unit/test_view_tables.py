from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.predictions import Predictions
from sfumato.view_tables import read_view_table, write_view_table

PLAIN = Predictions(
    ("x", "y"),
    np.array([1, -1]),
    np.array([[1, 2], [3, 4]], dtype=np.float32),
    LabelSpace(("条", "b")),
    np.array([0, 0]),
)
OTHER = Predictions(PLAIN.ids, PLAIN.truth, -PLAIN.logits, PLAIN.labels, PLAIN.groups)


def test_survives_the_file(tmp_path):
    path = tmp_path / "new" / "val.views.parquet"
    write_view_table(path, {"plain": PLAIN, "x0.9": OTHER})
    frame = pl.read_parquet(path)
    assert frame.columns == ["id", "view", "label", "logits"]
    assert frame["view"].to_list() == ["plain", "plain", "x0.9", "x0.9"]
    assert frame["label"].to_list() == ["b", None, "b", None]
    found = read_view_table(path, PLAIN)
    assert list(found) == ["plain", "x0.9"]
    assert np.array_equal(found["x0.9"].logits, OTHER.logits)
    assert np.array_equal(found["plain"].groups, PLAIN.groups)


def test_familiarity_survives_the_file(tmp_path):
    path, near = tmp_path / "val.views.parquet", np.array([-1.5, -2], dtype=np.float32)
    write_view_table(path, {"plain": replace(PLAIN, familiarity=near), "x0.9": replace(OTHER, familiarity=2 * near)})
    found = read_view_table(path, PLAIN)
    assert np.array_equal(found["plain"].familiarity, near)
    assert np.array_equal(found["x0.9"].familiarity, 2 * near)


def test_other_samples_and_damage(tmp_path):
    path = tmp_path / "val.views.parquet"
    with pytest.raises(InputError, match="no such predictions table"):
        read_view_table(path, PLAIN)
    write_view_table(path, {"plain": PLAIN})
    other = Predictions(("x", "z"), PLAIN.truth, PLAIN.logits, PLAIN.labels)
    with pytest.raises(InputError, match="other samples than in the table without views"):
        read_view_table(path, other)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"val\.views\.parquet: damaged"):
        read_view_table(path, PLAIN)
