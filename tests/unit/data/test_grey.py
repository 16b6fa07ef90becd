"""A grey picture is looked at in one channel, and what the network gets is what three equal ones would give, bit by bit."""

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.data.augment import AugmentSpec, augment
from sfumato.data.images import decode, decode_lean
from sfumato.data.preprocess import Preprocess
from sfumato.data.randomness import generator
from sfumato.data.views import PLAIN, View

HALF = (0.5, 0.5, 0.5)
GREY = np.random.default_rng(1).integers(0, 256, (61, 83, 1), dtype=np.uint8)
COLOUR = np.repeat(GREY, 3, axis=2)
FULL = {
    "flips": ("horizontal", "transpose"),
    "rotate": 20,
    "erase": 1.0,
    "shift": 0.1,
    "contrast": 0.8,
    "brightness": 0.5,
}


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("more", [{}, {"saturation": 0.5}, {"hue": 0.3}, {"crop": 1.0}])
def test_augmented(fit, more):
    to, spec = Preprocess(32, fit, "bicubic", HALF, HALF), AugmentSpec(**{**FULL, **more})
    for draw in range(12):
        grey, colour = (augment(p, to, 40, spec, 0.9, generator(draw)) for p in (GREY, COLOUR))
        assert torch.equal(grey.expand(3, -1, -1), colour)


@pytest.mark.parametrize("view", [PLAIN, View(scale=0.8), View(flip="vertical", crop="top_left")])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_in_a_view(view, interpolation):
    to = Preprocess(32, "crop", interpolation, HALF, HALF)
    assert torch.equal(view.of(GREY, to, 48).expand(3, -1, -1), view.of(COLOUR, to, 48))


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "RGB", "P", "LA"])
def test_decoded(tmp_path, mode):
    deep = Image.fromarray(GREY[:, :, 0].astype(np.uint16) * 256)
    image = deep if mode == "I;16" else Image.fromarray(COLOUR).convert(mode)
    image.save(tmp_path / "picture.png")
    lean, full = decode_lean(tmp_path / "picture.png"), decode(tmp_path / "picture.png")
    assert lean.shape[2] == (1 if mode in ("1", "L", "I;16") else 3)
    assert full.shape[2] == 3
    assert (lean == full).all()
