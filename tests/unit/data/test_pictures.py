import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.data.images import BadImageError, decode
from sfumato.data.pictures import Pictures
from sfumato.data.preprocess import square, to_tensor


@pytest.fixture
def paths(tmp_path):
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (10, 12), dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(rng.integers(0, 256, (10, 12, 3), dtype=np.uint8)).save(tmp_path / "colour.png")
    return [tmp_path / "grey.png", tmp_path / "colour.png"]


@pytest.mark.parametrize("limit", [0, 200, 10_000])
def test_gives_what_decoding_gives_whatever_is_kept(paths, limit):
    pictures = Pictures(limit)
    for path in [*paths, *paths]:
        assert np.array_equal(pictures(path), decode(path))
    assert pictures.bytes <= limit


def test_grey_takes_a_third(paths):
    pictures = Pictures(10_000)
    for path in paths:
        pictures(path)
    assert pictures.bytes == 120 + 360
    assert len(pictures) == 2


def test_a_file_is_decoded_once(paths):
    pictures = Pictures(10_000)
    before = pictures(paths[1]).copy()
    paths[1].unlink()
    assert np.array_equal(pictures(paths[1]), before)


def test_bad_ones_are_not_kept(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"x")
    pictures = Pictures(10_000)
    for _ in range(2):
        with pytest.raises(BadImageError):
            pictures(tmp_path / "bad.png")
    assert len(pictures) == 0


def test_what_is_kept_is_given_without_a_warning(paths):
    pictures = Pictures(10_000)
    torch.set_warn_always(True)  # else torch warns once a process, maybe in another test
    try:
        for path in [*paths, *paths]:
            to_tensor(pictures(path))
    finally:
        torch.set_warn_always(False)


def test_pickled_it_takes_its_limit_along_and_no_picture(paths):
    pictures = Pictures(400)
    pictures(paths[0])
    copy = pickle.loads(pickle.dumps(pictures))
    assert len(copy) == copy.bytes == 0
    for path in paths:
        copy(path)
    assert copy.bytes == 120  # the colour picture, of 360, would be too much


def test_emptied_it_decodes_alike_and_holds_nothing(tmp_path):
    Image.new("RGB", (160, 160)).save(tmp_path / "large.jpg")
    pictures = Pictures(10**6, least=40)
    pictures(tmp_path / "large.jpg")
    empty = pictures.emptied(10**6)
    assert len(empty) == 0 and empty.lean(tmp_path / "large.jpg", trains=True).shape == (40, 40, 3)


def test_processes_share_the_room_that_is_left(paths):
    pictures = Pictures(120 + 700)
    pictures(paths[0])
    pictures.divide(2)
    pictures(paths[1])
    assert pictures.bytes == 120
    assert str(paths[0]) in pictures
    assert str(paths[1]) not in pictures


def test_only_training_sees_large_jpegs_at_a_fraction_of_their_size(tmp_path):
    wave = np.sin(np.arange(160)[:, None, None] / [9, 7, 5]) * np.cos(np.arange(200)[None, :, None] / 11)
    Image.fromarray((127 + 120 * wave).astype(np.uint8)).save(tmp_path / "large.jpg", quality=95)
    pictures = Pictures(10**6, least=40)
    pictures.look(tmp_path / "large.jpg")
    assert pictures.bytes == 0  # it may be one that trains
    assert pictures.lean(tmp_path / "large.jpg", trains=True).shape == (40, 50, 3)
    assert pictures.bytes == 40 * 50 * 3
    assert pictures(tmp_path / "large.jpg").shape == (160, 200, 3)
    assert pictures.bytes == (40 * 50 + 160 * 200) * 3  # validation looks at it again in the next epoch
    assert Pictures(10**6).lean(tmp_path / "large.jpg", trains=True).shape == (160, 200, 3)


def test_a_fraction_of_twice_the_size_shown_changes_it_by_a_level_or_so(tmp_path):
    wave = np.sin(np.arange(400)[:, None, None] / [9, 7, 5]) * np.cos(np.arange(480)[None, :, None] / 11)
    noise = np.random.default_rng(0).normal(0, 6, (400, 480, 3))
    Image.fromarray(np.clip(127 + 100 * wave + noise, 0, 255).astype(np.uint8)).save(tmp_path / "large.jpg", quality=95)
    pictures = Pictures(0, least=100)
    full, part = (
        square(to_tensor(pictures.lean(tmp_path / "large.jpg", trains=trains)), 50, "crop", "bilinear").float()
        for trains in (False, True)
    )
    assert float((full - part).abs().mean()) < 1.5
