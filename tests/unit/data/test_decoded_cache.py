"""Small pictures on the disk: training sees the same with them and without, and decodes no file twice."""

import numpy as np
import pytest
import torch
from PIL import Image
from tests.pictures import folder_per_class

from sfumato.data import decoded_cache, pictures
from sfumato.data.augment import AugmentSpec
from sfumato.data.decoded_cache import DecodedCache, shrunk
from sfumato.data.loading import Request, Samples, batches
from sfumato.data.pictures import Pictures
from sfumato.data.preprocess import Preprocess
from sfumato.data.sharing import Sharing
from sfumato.data.source import DataSpec, read_table
from sfumato.data.views import PLAIN

TO = Preprocess(16, "crop", "bilinear", (0.5,) * 3, (0.5,) * 3)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def table(tmp_path):
    folder_per_class(tmp_path / "photos", {"a": 4, "b": 3})
    Image.fromarray(np.full((70, 40), 9, dtype=np.uint8)).save(tmp_path / "photos" / "a" / "grey.png")
    (tmp_path / "photos" / "b" / "bad.png").write_bytes(b"no picture")
    return read_table(DataSpec(source=str(tmp_path / "photos")))


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    seen: list[str] = []
    decode = pictures.decode_lean
    monkeypatch.setattr(pictures, "decode_lean", lambda path, least=None: seen.append(str(path)) or decode(path, least))
    return seen


def shared(table, side=24) -> tuple[Sharing, object]:
    sharing = Sharing(0, cache=DecodedCache(side))
    return sharing, sharing(table, lambda _: lambda items, _: items, clusters=False)


def trained_on(usable, seen: Pictures, workers: int = 0, view=None) -> torch.Tensor:
    samples = Samples(usable, TO, AugmentSpec(), 3, seen, view)
    wanted = [[Request(row, 0, 0, 16, 1.0)] for row in range(len(usable))]
    return torch.cat([batch.images for batch in batches(samples, wanted, workers)])


@pytest.mark.parametrize("workers", [0, 2])
def test_each_is_decoded_once_for_all_runs(table, decoded, workers):
    sharing, seen = shared(table)
    assert seen.bad["id"].to_list() == ["b/bad.png"]
    assert len(decoded) == len(table)
    first = trained_on(seen.usable, sharing.pictures, workers)
    again, _ = shared(table)
    assert torch.equal(trained_on(seen.usable, again.pictures, workers), first)
    assert len(decoded) == len(table) + 1  # the damaged one, whose reason is to be told again


def test_it_is_the_same_where_the_disk_takes_nothing(table, monkeypatch):
    sharing, seen = shared(table)
    kept = trained_on(seen.usable, sharing.pictures)
    monkeypatch.setattr(decoded_cache.RowStore, "find", lambda self, keys: [None] * len(keys))
    assert torch.equal(trained_on(seen.usable, sharing.pictures), kept)


def test_validation_sees_whole_pictures(table):
    sharing, seen = shared(table, side=8)
    whole = trained_on(seen.usable, Pictures(0), view=PLAIN)
    assert torch.equal(trained_on(seen.usable, sharing.pictures, view=PLAIN), whole)
    assert not torch.equal(trained_on(seen.usable, sharing.pictures), trained_on(seen.usable, Pictures(0)))


@pytest.mark.parametrize(
    ("shape", "to"), [((70, 40, 1), (42, 24, 1)), ((24, 99, 3), (24, 99, 3)), ((48, 48, 3), (24, 24, 3))]
)
def test_the_shorter_side_becomes_as_long_as_asked(shape, to):
    assert shrunk(np.zeros(shape, dtype=np.uint8), 24).shape == to


def test_a_file_that_changes_is_another_picture(table, tmp_path):
    shared(table)
    path = tmp_path / "photos" / "a" / "grey.png"
    Image.fromarray(np.full((70, 40), 200, dtype=np.uint8)).save(path)
    again, _ = shared(table)
    assert (again.pictures.lean(path, trains=True) == 200).all()
