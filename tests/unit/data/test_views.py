"""Views against closed forms: where no pixel is resampled, every one of them is known."""

import json

import numpy as np
import pytest
import torch

from sfumato.data.preprocess import PAD_GREY, Preprocess
from sfumato.data.views import (
    CORNERS,
    PLAIN,
    View,
    ViewsSpec,
    expand,
    kinds,
    refuse_idle_views,
    views_from_dict,
    views_to_dict,
)
from sfumato.errors import InputError

HALF = (0.5, 0.5, 0.5)


def preprocess(size=56, fit="crop") -> Preprocess:
    return Preprocess(size, fit, "bicubic", HALF, HALF)


def places(side) -> np.ndarray:
    """A picture whose pixels say where they are: row, column, 0."""
    rows, columns = np.mgrid[0:side, 0:side]
    return np.stack([rows, columns, np.zeros_like(rows)], axis=2).astype(np.uint8)


def seen(view, pixels, to=None) -> np.ndarray:
    to = to or preprocess()
    found = view.of(pixels, to, view.side(to))
    assert found.dtype == torch.uint8
    return found.permute(1, 2, 0).numpy()


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("shape", [(40, 80), (301, 7), (56, 56)])
def test_the_plain_view_is_the_preprocessing(fit, shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    to = preprocess(fit=fit)
    assert torch.equal(PLAIN.of(pixels, to, to.size), to(pixels))
    assert torch.equal(View(scale=1.0).of(pixels, to, to.size), to(pixels))


@pytest.mark.parametrize("flip", ["horizontal", "vertical", "transpose"])
def test_flipped_twice_is_the_picture(flip):
    pixels = np.random.default_rng(0).integers(0, 256, (56, 56, 3), dtype=np.uint8)
    once = seen(View(flip=flip), pixels)
    assert not np.array_equal(once, pixels)
    assert np.array_equal(seen(View(flip=flip), once), pixels)


def test_flips_say_where_pixels_go():
    pixels = places(56)
    assert np.array_equal(seen(View(flip="horizontal"), pixels), pixels[:, ::-1])
    assert np.array_equal(seen(View(flip="vertical"), pixels), pixels[::-1])
    assert np.array_equal(seen(View(flip="transpose"), pixels), pixels.transpose(1, 0, 2))


def test_nearer_cuts_the_edges_off_evenly():
    assert np.array_equal(seen(View(scale=1.25), places(70)), places(70)[7:63, 7:63])


def test_farther_puts_grey_around():
    found = seen(View(scale=0.75), places(42))
    assert np.array_equal(found[7:49, 7:49], places(42))
    found[7:49, 7:49] = PAD_GREY
    assert (found == PAD_GREY).all()


def test_an_uneven_rest_stays_within_the_size():
    assert seen(View(scale=0.9), places(200), preprocess(33)).shape == (33, 33, 3)
    assert seen(View(scale=1.1), places(200), preprocess(33)).shape == (33, 33, 3)


def test_five_crops():
    pixels = places(64)
    corners = {"top_left": (0, 0), "top_right": (0, 8), "bottom_left": (8, 0), "bottom_right": (8, 8), "middle": (4, 4)}
    assert set(corners) == set(CORNERS)
    for corner, (top, left) in corners.items():
        assert np.array_equal(seen(View(crop=corner), pixels), pixels[top : top + 56, left : left + 56])


def test_a_size_is_the_preprocessing_at_that_size():
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    assert torch.equal(View(size=80).of(pixels, preprocess(), 80), preprocess(80)(pixels))


def test_shares_of_the_picture():
    assert [View(scale=2.0).share, View(scale=0.5).share, PLAIN.share] == [0.25, 1, 1]
    assert View(crop="middle").share == pytest.approx(49 / 64)


def test_the_plain_view_comes_first_and_others_stand_beside_it():
    spec = ViewsSpec(flips=("horizontal",), scales=(0.9, 1.1), crops="five", sizes=(64,))
    views = expand(spec)
    assert [view.name for view in views] == ["plain", "horizontal", "x0.9", "x1.1", *CORNERS, "64px"]
    assert kinds(views) == {
        "flips": (0, 1),
        "scales": (0, 2, 3),
        "crops": (0, 4, 5, 6, 7, 8),
        "sizes": (0, 9),
        "all": tuple(range(10)),
    }
    assert expand(None) == (PLAIN,)


def test_ten_crop():
    views = expand(ViewsSpec(flips=("horizontal",), crops="five", flip_all=True))
    assert len(views) == 1 + 1 + 5 + 5
    assert len({view.name for view in views}) == len(views)
    assert views[-1] == View(flip="horizontal", crop="middle")
    assert kinds(views) == {"flips": (0, 1), "crops": (0, 2, 3, 4, 5, 6), "all": tuple(range(12))}


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (ViewsSpec(sizes=(64, 56)), "views.sizes: has no effect: 56px at 56 px is the plain view; leave it out"),
        (ViewsSpec(scales=(1.001,)), "views.scales: has no effect: x1.001 at 56 px is the plain view; leave it out"),
    ],
)
def test_a_view_that_is_the_plain_one(spec, error):
    with pytest.raises(InputError) as caught:
        refuse_idle_views(expand(spec), preprocess())
    assert str(caught.value) == error


def test_survives_json():
    views = expand(ViewsSpec(flips=("vertical",), scales=(0.9,), crops="five", sizes=(64,), flip_all=True))
    assert views_from_dict(json.loads(json.dumps(views_to_dict(views))), "views.json") == views
    for document in (
        {},
        {"views": []},
        {"views": [{"flip": "sideways"}]},
        views_to_dict(views[1:]),
        views_to_dict([*views, PLAIN]),
    ):
        with pytest.raises(InputError, match=r"^views\.json: not views"):
            views_from_dict(document, "views.json")
