"""Measures of a picture against closed forms, PIL and SciPy."""

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy.ndimage import laplace

from sfumato.data.health.measures import SIDE, border, look_at, small_copy

NOISE = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)


def plain(value: int, height: int = 40, width: int = 30) -> np.ndarray:
    return np.full((height, width, 3), value, dtype=np.uint8)


def test_one_colour():
    look = look_at(plain(51), transparent=False)
    assert (look.brightness, look.lightest, look.darkest) == pytest.approx((0.2, 0.2, 0.2))
    assert (look.contrast, look.sharpness, look.information) == (0, 0, 0)


def test_two_halves_hold_one_bit():
    pixels = plain(0)
    pixels[20:] = 255
    look = look_at(pixels, transparent=False)
    assert look.information == pytest.approx(1)
    assert look.contrast == pytest.approx(0.5)
    assert (look.darkest, look.lightest, look.brightness) == pytest.approx((0, 1, 0.5))


def test_entropy_is_pils_and_the_laplacian_scipys():
    grey = Image.fromarray(NOISE).convert("L")
    look = look_at(NOISE, transparent=False)
    assert look.information == pytest.approx(grey.entropy(), abs=1e-6)
    inside = laplace(np.asarray(grey).astype(np.float64))[1:-1, 1:-1]
    assert look.sharpness == pytest.approx(inside.var(), rel=1e-4)


def test_percentiles():
    pixels = np.repeat((np.arange(1000) % 250).astype(np.uint8).reshape(20, 50, 1), 3, axis=2)
    look = look_at(pixels, transparent=False)
    assert look.lightest * 255 == pytest.approx(np.percentile(pixels, 99), abs=1)
    assert look.darkest * 255 == pytest.approx(np.percentile(pixels, 5), abs=1)


def test_pure_colours_are_neither_dark_nor_bright():
    blue, yellow = plain(0), plain(255)
    blue[:, :, 2], yellow[:, :, 2] = 255, 0
    assert look_at(blue, transparent=False).lightest == 1
    assert look_at(yellow, transparent=False).darkest == 0


def test_sharpness_falls_with_blur_whatever_the_size():
    edges = Image.fromarray(np.kron(NOISE[:24, :24, 0] // 128 * 255, np.ones((40, 40), dtype=np.uint8)))
    for size in (300, 960, 2400):
        image = edges.resize((size, size))
        values = [
            look_at(np.asarray(image.filter(ImageFilter.GaussianBlur(share * size)).convert("RGB")), transparent=False)
            for share in (0, 0.01, 0.03)
        ]
        sharpness = [look.sharpness for look in values]
        assert sharpness[0] > 1000 > sharpness[1] > sharpness[2]


@pytest.mark.parametrize(
    ("shape", "expected"), [((600, 300), (256, 128)), ((40, 30), (40, 30)), ((5000, 10), (256, 1))]
)
def test_the_copy_has_one_size(shape, expected):
    assert small_copy(np.zeros((*shape, 3), dtype=np.uint8)).size == expected[::-1]
    assert max(expected) <= SIDE


def test_the_border_is_corners_and_middles():
    pixels = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    places = [(0, 0), (0, 3), (0, 6), (2, 0), (2, 6), (4, 0), (4, 3), (4, 6)]
    assert border(pixels) == b"".join(pixels[place].tobytes() for place in places)
    assert len(border(pixels[:1, :1])) == 24


def test_a_picture_too_small_to_have_an_inside():
    assert look_at(plain(7, 2, 9), transparent=False).sharpness is None
