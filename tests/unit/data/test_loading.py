import polars as pl
import pytest
import torch
from tests.pictures import folder_per_class

from sfumato.data import loading
from sfumato.data.augment import AugmentSpec
from sfumato.data.loading import Batch, Samples, batches, in_order
from sfumato.data.pictures import Pictures
from sfumato.data.preprocess import Preprocess
from sfumato.data.source import DataSpec, read_table
from sfumato.data.table import Table

HALF = (0.5, 0.5, 0.5)
TO = Preprocess(16, "crop", "bilinear", HALF, HALF)


@pytest.fixture
def parquet(tmp_path) -> Table:
    """Pictures inside a Parquet file."""
    files = sorted(folder_per_class(tmp_path / "photos", {"a": 6, "b": 6}).rglob("*.png"))
    frame = pl.DataFrame({"image": [file.read_bytes() for file in files], "label": [f.parent.name for f in files]})
    frame.write_parquet(tmp_path / "table.parquet")
    return read_table(DataSpec(source=str(tmp_path / "table.parquet")))


def samples(table: Table, pictures: Pictures | None = None) -> Samples:
    return Samples(table, TO, AugmentSpec(), 0, pictures)


def all_of(table: Table, workers: int, pictures: Pictures | None = None) -> torch.Tensor:
    got = batches(samples(table, pictures), in_order(table, 16, 4), workers)
    return torch.cat([batch.images for batch in got])


def test_pictures_that_are_given_are_used_though_none_is_kept_yet(parquet):
    pictures = Pictures(10**6)
    all_of(parquet, 0, pictures)
    assert len(pictures) == len(parquet)


def test_pictures_inside_parquet_are_read_by_workers_that_are_no_forks(parquet, monkeypatch):
    asked = []
    context = loading._context
    monkeypatch.setattr(loading, "_context", lambda: asked.append(context()) or asked[-1])
    assert torch.equal(all_of(parquet, 0), all_of(parquet, 2))
    assert [made.get_start_method() for made in asked] == ["forkserver"]


def test_workers_are_forks_where_every_picture_is_kept(parquet, monkeypatch):
    pictures = Pictures(10**6)
    expected = all_of(parquet, 0, pictures)
    monkeypatch.setattr(loading, "_context", lambda: pytest.fail("not needed"))
    assert torch.equal(all_of(parquet, 2, pictures), expected)


class Watched(Samples):
    def __getitems__(self, requests):
        super().__getitems__(requests)
        return Batch(torch.zeros(1), torch.zeros(1), (self.pictures.bytes,))


def test_workers_share_the_memory_for_pictures(tmp_path):
    folder_per_class(tmp_path / "photos", {"a": 8, "b": 8})
    table = read_table(DataSpec(source=str(tmp_path / "photos")))
    one = 48 * 48 * 3
    watched = Watched(table, TO, AugmentSpec(), 0, Pictures(4 * one))
    assert max(batch.rows[0] for batch in batches(watched, in_order(table, 16, 1), 2)) == 2 * one


@pytest.mark.parametrize(("device", "ahead"), [("cpu", False), ("meta", False)])
def test_copies_are_waited_for_but_on_cuda(device, ahead, monkeypatch):
    asked = []
    copy = torch.Tensor.to
    monkeypatch.setattr(
        torch.Tensor, "to", lambda self, *a, non_blocking=False, **k: asked.append(non_blocking) or copy(self, *a, **k)
    )
    Batch(torch.zeros(1, 3, 2, 2), torch.zeros(1), (0,)).to(torch.device(device))
    assert asked == [ahead, ahead]
