"""What is kept of pictures on the disk is what was put there, or nothing."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from sfumato.data.duplicates import fingerprint_cache, in_order, segment
from sfumato.data.duplicates.collecting import collect
from sfumato.data.duplicates.fingerprint import Fingerprint, Fingerprints, fingerprint
from sfumato.data.duplicates.fingerprint_cache import ABANDONED, FingerprintCache
from sfumato.data.duplicates.search import find_duplicates
from sfumato.data.duplicates.segment import NewSegment
from sfumato.data.images import decode
from sfumato.data.progress import unseen
from sfumato.errors import InputError

NUMBER = 7


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """The cache's own folder, of this test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return FingerprintCache().folder


@pytest.fixture
def photos(tmp_path) -> list[str]:
    """NUMBER pictures, of which the fourth repeats the first in another encoding."""
    rng = np.random.default_rng(0)
    for i in range(NUMBER):
        detail = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(detail).resize((160, 160), Image.Resampling.BICUBIC).save(tmp_path / f"{i}.png")
    Image.open(tmp_path / "0.png").save(tmp_path / "3.jpg", quality=80)
    (tmp_path / "3.png").unlink()
    return sorted(str(path) for path in tmp_path.glob("[0-9].*"))


class Decoder:
    """Decodes, and says what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, address: str):
        self.asked.append(address)
        return decode(address)


def look(addresses: list[str]) -> tuple[pl.DataFrame, list[str]]:
    """The pairs found through the cache, and what was decoded for them."""
    decoder = Decoder()
    with FingerprintCache() as cache:
        pairs = find_duplicates(collect(addresses, decoder, cache, unseen), unseen)
    return pairs, sorted(decoder.asked)


def pairs_in_memory(addresses: list[str]) -> pl.DataFrame:
    prints = Fingerprints(addresses)
    for row, address in enumerate(addresses):
        prints.add(row, fingerprint(decode(address)))
    return find_duplicates(prints, unseen)


def test_it_gives_what_memory_gives_and_decodes_once(photos, monkeypatch):
    monkeypatch.setattr(segment, "CAPACITY", 3)  # several segments
    expected = pairs_in_memory(photos)
    assert expected["b"].to_list() == [path for path in photos if path.endswith("3.jpg")]
    for decoded in (photos, []):
        pairs, asked = look(photos)
        assert pairs.equals(expected)
        assert asked == decoded
    assert look(photos[::-1])[0].equals(expected)


def test_thumbnails_in_a_temporary_file_give_the_same(photos, monkeypatch):
    expected = pairs_in_memory(photos)
    assert len(expected)
    monkeypatch.setattr(in_order, "IN_MEMORY", 0)
    monkeypatch.setattr(in_order, "AT_ONCE", 2)
    assert pairs_in_memory(photos).equals(expected)


def test_no_room_for_a_temporary_file_is_told(photos, monkeypatch):
    monkeypatch.setattr(in_order, "IN_MEMORY", 0)
    monkeypatch.setattr(Fingerprints, "coarse", lambda self, rows: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(InputError, match="No space left") as error:
        pairs_in_memory(photos)
    assert "TMPDIR" in str(error.value)


def test_the_same_bytes_come_back(photos, folder):
    with FingerprintCache() as cache:
        collect(photos, decode, cache, unseen)
    assert len(list(folder.iterdir())) == 3
    with FingerprintCache() as cache:
        kept = collect(photos, decode, cache, unseen)
        whole = Fingerprints(photos)
        for row, address in enumerate(photos):
            whole.add(row, fingerprint(decode(address)))
        rows = np.array([5, 0, 3, 3])
        assert (kept.thumbnails(rows) == whole.thumbnails(rows)).all()
        assert (kept.coarse(rows) == whole.coarse(rows)).all()
        for name in ("digests", "sides", "flat", "present"):
            assert (getattr(kept, name) == getattr(whole, name)).all()


def test_only_what_is_new_or_changed_is_decoded(photos):
    look(photos[:4])
    Image.new("RGB", (80, 90), "red").save(photos[1])
    pairs, decoded = look(photos)
    assert decoded == [photos[1], *photos[4:]]
    assert pairs.equals(pairs_in_memory(photos))


def test_a_picture_that_cannot_be_decoded_is_absent(photos, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with FingerprintCache() as cache:
        kept = collect([*photos, str(tmp_path / "bad.png"), "missing.png"], decode, cache, unseen)
    assert kept.present.tolist() == [True] * NUMBER + [False, False]


def shorten(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def scribble(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("damage", [shorten, scribble, Path.unlink])
@pytest.mark.parametrize("suffix", segment.SUFFIXES)
def test_a_damaged_segment_is_as_if_there_were_none(photos, folder, suffix, damage):
    expected = look(photos)[0]
    (path,) = folder.glob(f"*{suffix}")
    damage(path)
    pairs, decoded = look(photos)
    assert pairs.equals(expected)
    assert decoded == photos
    assert look(photos)[1] == []


def test_one_damaged_thumbnail_costs_one_picture(photos, folder):
    expected = look(photos)[0]
    (path,) = folder.glob("*.fine")
    with path.open("r+b") as file:
        file.seek(2 * 128**2 + 5)
        file.write(b"\x07\x08")
    pairs, decoded = look(photos)
    assert decoded == [photos[2]]
    assert pairs.equals(expected)


def test_a_process_killed_while_it_writes_leaves_what_it_had_closed(photos, folder):
    script = (
        "import os, sys\n"
        "from sfumato.data.duplicates import segment\n"
        "from sfumato.data.duplicates.collecting import collect\n"
        "from sfumato.data.duplicates.fingerprint_cache import FingerprintCache\n"
        "from sfumato.data.images import decode\n"
        "segment.CAPACITY = 2\n"
        "def killed(items, total):\n"
        "    for i, item in enumerate(items):\n"
        "        if i == 5: os.kill(os.getpid(), 9)\n"
        "        yield item\n"
        "with FingerprintCache() as cache:\n"
        "    collect(sys.argv[1:], decode, cache, killed)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *photos], check=False)
    assert done.returncode == -9
    assert len(list(folder.glob("*.fine"))) == 3
    pairs, decoded = look(photos)
    assert decoded == photos[4:]
    assert pairs.equals(pairs_in_memory(photos))


def test_two_writers_do_not_meet(photos):
    decoder = Decoder()
    with FingerprintCache() as one, FingerprintCache() as other:
        first = collect(photos[:5], decoder, one, unseen)
        second = collect(photos, decoder, other, unseen)
        for kept in (first, second):
            assert kept.present.all()
            assert (kept.thumbnails(np.arange(5))[4] == fingerprint(decode(photos[4])).thumbnail).all()
    pairs, decoded = look(photos)
    assert decoded == []
    assert pairs.equals(pairs_in_memory(photos))


def test_what_is_read_may_be_removed_meanwhile(photos, folder):
    look(photos)
    with FingerprintCache() as cache:
        kept = collect(photos, decode, cache, unseen)
        for path in folder.iterdir():
            path.unlink()
        assert (kept.thumbnails(np.array([2]))[0] == fingerprint(decode(photos[2])).thumbnail).all()


def segment_of(folder: Path, name: str, age: float) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    new = NewSegment(folder)
    blank = Fingerprint(bytes(16), np.zeros((128, 128), dtype=np.uint8), 200, flat=False)
    new.add(name, fingerprint_cache.Stamp(1, 1), blank)
    closed = new.close()
    closed.close()
    os.utime(closed.path, (time.time() - age,) * 2)
    return closed.path


@pytest.mark.parametrize("limit", ["MOST_BYTES", "MOST_SEGMENTS"])
def test_it_stays_small_and_gives_up_what_was_used_longest_ago(folder, monkeypatch, limit):
    paths = [segment_of(folder, f"{age}", age) for age in (300, 100, 200)]
    monkeypatch.setattr(fingerprint_cache, limit, 2 * segment.size_of(paths[0]) + 500 if limit == "MOST_BYTES" else 2)
    with FingerprintCache():
        pass
    assert sorted(folder.glob("*.parquet")) == sorted(paths[1:])
    assert len(list(folder.iterdir())) == 6


def test_what_was_used_counts_as_new(photos, folder, monkeypatch):
    look(photos)
    (used,) = folder.glob("*.parquet")
    os.utime(used, (1, 1))
    segment_of(folder, "other", 100)
    monkeypatch.setattr(fingerprint_cache, "MOST_SEGMENTS", 1)
    look(photos)
    assert list(folder.glob("*.parquet")) == [used]


def test_what_a_killed_process_left_goes_after_a_day(folder):
    kept = segment_of(folder, "whole", 10 * ABANDONED)
    new, old = NewSegment(folder), NewSegment(folder)
    for suffix in (".fine", ".coarse"):
        os.utime(old.path.with_suffix(suffix), (time.time() - 2 * ABANDONED,) * 2)
    with FingerprintCache():
        pass
    assert {path.stem for path in folder.iterdir()} == {kept.stem, new.path.stem}
    new.give_up()
    old.give_up()


def test_without_a_cache_folder_it_lasts_as_long_as_it_is_needed(photos, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for _ in range(2):
        pairs, decoded = look(photos)
        assert decoded == photos
        assert pairs.equals(pairs_in_memory(photos))
    assert not list(tmp_path.glob("sfumato-*"))


def test_a_full_disk_is_told_and_leaves_no_half(photos, folder, monkeypatch):
    def full(self, image, stamp, of):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(NewSegment, "add", full)
    with pytest.raises(InputError, match="no room for what finds near-duplicates: No space left on device") as error:
        look(photos)
    assert "XDG_CACHE_HOME" in str(error.value)
    assert list(folder.iterdir()) == []
