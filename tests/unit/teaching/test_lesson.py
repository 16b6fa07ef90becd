"""A view that a teacher is shown is the student's, at another size."""

import numpy as np
import pytest
from torch.nn import functional as F

from sfumato.data.augment import AugmentSpec, augment
from sfumato.data.preprocess import Preprocess
from sfumato.data.randomness import generator

HALF = (0.5, 0.5, 0.5)
SPEC = AugmentSpec(
    crop=0.4, brightness=0.3, contrast=0.3, hue=0.1, rotate=20, shift=0.2, flips=("horizontal", "vertical")
)


def smooth(high: int, wide: int) -> np.ndarray:
    """Waves that no resampling loses."""
    y, x = np.mgrid[0:high, 0:wide] / wide
    waves = [np.sin(4 * x + 2 * y), np.cos(3 * y - x), np.sin(5 * x)]
    return (127 + 90 * np.stack(waves, axis=2)).astype(np.uint8)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("shape", [(90, 120), (300, 200)])
def test_the_same_draws_show_the_same_window_at_any_size(fit, shape):
    to, pixels = Preprocess(32, fit, "bilinear", HALF, HALF), smooth(*shape)
    for view in range(8):
        small, large = (augment(pixels, to, size, SPEC, 1.0, generator(0, view)).float() for size in (32, 96))
        apart = (F.avg_pool2d(large, 3) - small).abs()
        assert float(apart.mean()) < 6, (fit, view)
        assert float((F.avg_pool2d(large, 3).flip(-1) - small).abs().mean()) > 2 * float(apart.mean())
