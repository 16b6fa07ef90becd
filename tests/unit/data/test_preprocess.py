import json

import numpy as np
import pytest
import torch

from sfumato.data.augment import AugmentSpec, augment
from sfumato.data.preprocess import PAD_GREY, Preprocess
from sfumato.data.randomness import generator
from sfumato.errors import InputError

MEAN, STD = (0.5, 0.5, 0.5), (0.2, 0.2, 0.2)


def preprocess(size=32, fit="crop", interpolation="bicubic") -> Preprocess:
    return Preprocess(size, fit, interpolation, MEAN, STD)


def halves(height, width):
    """Left half black, right half white."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[:, width // 2 :] = 255
    return pixels


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("shape", [(40, 80), (80, 40), (17, 17), (1, 50), (300, 7)])
def test_every_shape_becomes_a_square(fit, shape):
    image = preprocess(fit=fit)(np.zeros((*shape, 3), dtype=np.uint8))
    assert image.shape == (3, 32, 32)
    assert image.dtype == torch.uint8


def test_crop_keeps_the_middle_pad_keeps_all_stretch_bends():
    wide = halves(40, 160)
    wide[:, :40], wide[:, 120:] = 7, 9
    crop, pad, stretch = (preprocess(fit=fit, interpolation="bilinear")(wide)[0] for fit in ("crop", "pad", "stretch"))
    assert (crop[:, 2:14] == 0).all()
    assert (crop[:, 18:30] == 255).all()
    assert (pad[:12] == PAD_GREY).all()
    assert (pad[20:] == PAD_GREY).all()
    assert pad[16, 2] == 7
    assert pad[16, 30] == 9
    assert stretch[0, 2] == 7
    assert stretch[31, 30] == 9


def test_a_square_of_the_right_size_is_left_alone():
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert np.array_equal(preprocess()(pixels).permute(1, 2, 0).numpy(), pixels)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("shape", [(60, 160), (160, 60), (90, 90)])
def test_a_spot_lies_in_the_square_where_its_box_says(fit, shape):
    """A white spot of the picture's middle fifth is found in the square at the place that the box gives it."""
    height, width = shape
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    down, across = slice(2 * height // 5, 3 * height // 5), slice(2 * width // 5 + 3, 3 * width // 5 - 3)
    pixels[down, across] = 255
    left, top, right, bottom = preprocess(fit=fit).box(height, width)
    rows, columns = np.nonzero(preprocess(size=200, fit=fit)(pixels)[0].numpy() > 200)
    for seen, one, size, begin, end in ((rows, down, height, top, bottom), (columns, across, width, left, right)):
        wanted = [200 * (place / size - begin) / (end - begin) for place in (one.start, one.stop)]
        assert [seen.min(), seen.max() + 1] == pytest.approx(wanted, abs=3)


def test_survives_json():
    before = preprocess(fit="pad")
    assert Preprocess.from_dict(json.loads(json.dumps(before.to_dict())), "transform.json") == before
    with pytest.raises(InputError, match=r"^transform\.json: not a transform"):
        Preprocess.from_dict({"size": 3}, "transform.json")


PIXELS = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
FULL = AugmentSpec(
    flips=("horizontal", "vertical", "transpose"), crop=0.4, saturation=0.3, hue=0.1, rotate=20, erase=1.0
)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_strength_zero_is_what_validation_sees(fit):
    to = preprocess(fit=fit)
    assert torch.equal(augment(PIXELS, to, 32, FULL, 0.0, generator(0)), to(PIXELS))


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_a_function_of_its_generator(fit):
    draws = [augment(PIXELS, preprocess(fit=fit), 24, FULL, 1.0, generator(0, "x", key)) for key in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert draws[0].shape == (3, 24, 24)
    assert draws[0].dtype == torch.uint8


def test_strength_scales_the_change():
    spec = AugmentSpec(flips=(), crop=1, brightness=0.5, contrast=0.0)
    flat = np.full((32, 32, 3), 100, dtype=np.uint8)
    spread = []
    for strength in (0.1, 0.5, 1.0):
        means = [
            float(augment(flat, preprocess(), 32, spec, strength, generator(i)).float().mean()) for i in range(200)
        ]
        spread.append(max(means) - min(means))
    assert spread == pytest.approx([10, 50, 100], rel=0.1)


def test_crops_keep_at_least_their_share_and_stay_inside():
    gradient = np.zeros((100, 100, 3), dtype=np.uint8)
    gradient[..., 0] = np.arange(100)[:, None] * 2
    gradient[..., 1] = np.arange(100)[None, :] * 2
    spec = AugmentSpec(flips=(), crop=0.5, aspect=1.0, brightness=0, contrast=0)
    sides = []
    for i in range(200):
        image = augment(gradient, preprocess(interpolation="bilinear"), 64, spec, 1.0, generator(i)).float()
        sides.append((float(image[0].max() - image[0].min()) + 3) / 2)
    assert min(sides) >= 0.5**0.5 * 100 - 4
    assert max(sides) <= 101


def test_flips_happen_in_half_of_the_draws():
    spec = AugmentSpec(flips=("horizontal",), crop=1, brightness=0, contrast=0)
    left_dark = halves(32, 32)
    flipped = [bool(augment(left_dark, preprocess(), 32, spec, 1.0, generator(i))[0, 0, 0] == 255) for i in range(400)]
    assert np.mean(flipped) == pytest.approx(0.5, abs=0.08)


def test_shifts_reach_as_far_as_they_may_and_draw_the_edge_out():
    spec = AugmentSpec(flips=(), crop=1.0, shift=0.25, brightness=0, contrast=0)
    pixels = np.broadcast_to(np.arange(32, dtype=np.uint8)[:, None, None], (32, 32, 3)).copy()  # each row its number
    tops = set()
    for i in range(300):
        rows = augment(pixels, preprocess(), 32, spec, 1.0, generator(i))[0, :, 0].tolist()
        top = next(t for t in range(-8, 9) if [min(31, max(0, row + t)) for row in range(32)] == rows)
        tops.add(top)
    assert tops == set(range(-8, 9))
    assert torch.equal(augment(pixels, preprocess(), 32, spec, 0.05, generator(0)), preprocess()(pixels))
