"""What training does to a chart: it is never mirrored, turned, tinted or robbed of its legend."""

import numpy as np
import pytest
import torch

from sfumato.data.augment import ChartAugmentSpec, augment
from sfumato.data.preprocess import Preprocess
from sfumato.data.randomness import generator

SIDES = {"top": (200, 40, 40), "left": (40, 160, 60), "right": (40, 60, 200), "bottom": (200, 160, 30)}
HALF = (0.5, 0.5, 0.5)


def chart(height: int = 160, width: int = 224) -> np.ndarray:
    """A title on top, a legend at the right, scales at the left and below, each its own colour, 5 % from the edge."""
    pixels = np.full((height, width, 3), 235, np.uint8)
    pixels[9:23, 30:194] = SIDES["top"]
    pixels[30:130, 13:25] = SIDES["left"]
    pixels[30:130, -25:-13] = SIDES["right"]
    pixels[-21:-9, 40:184] = SIDES["bottom"]
    return pixels


def centre(image: torch.Tensor, colour: tuple[int, int, int]) -> tuple[float, float, int]:
    """Mean row and column of the pixels of a hue, whatever their brightness, and how many there are."""
    pixels, wanted = image.permute(1, 2, 0).numpy().astype(float), np.array(colour, dtype=float)
    tint, own = pixels - pixels.mean(axis=2, keepdims=True), wanted - wanted.mean()
    strength = np.linalg.norm(tint, axis=2)
    alike = tint @ own / np.linalg.norm(own) / np.maximum(strength, 1)
    rows, columns = np.nonzero((strength > 50) & (alike > 0.97))
    return float(rows.mean()), float(columns.mean()), len(rows)


@pytest.mark.parametrize("fit", ["pad", "stretch"])
def test_every_draw_keeps_sides_legend_and_hue(fit):
    to, spec = Preprocess(96, fit, "bilinear", HALF, HALF), ChartAugmentSpec()
    still = augment(chart(), to, 96, spec, 0.0, generator(0))
    before = {side: centre(still, colour) for side, colour in SIDES.items()}
    tone = still.float().mean(dim=(1, 2))
    for draw in range(150):
        drawn = augment(chart(), to, 96, spec, 1.0, generator(draw))
        for side, colour in SIDES.items():
            row, column, count = centre(drawn, colour)
            assert abs(row - before[side][0]) < 6 and abs(column - before[side][1]) < 6, side
            assert count > 0.8 * before[side][2], f"{side} was cut off"
        now = drawn.float().mean(dim=(1, 2))
        assert (now / now.sum() - tone / tone.sum()).abs().max() < 0.01
    assert (drawn != still).any()


def test_what_would_change_its_meaning_has_to_be_forced():
    for name, value in {"flips": ("horizontal",), "hue": 0.1, "saturation": 0.2, "crop": 0.5, "rotate": 10.0}.items():
        with pytest.raises(ValueError, match=f"{name} on a chart"):
            ChartAugmentSpec(**{name: value})
        assert getattr(ChartAugmentSpec(**{name: value, "force": (name,)}), name) == value
