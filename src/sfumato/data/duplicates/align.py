"""Where one picture lies in another: scale and shift of either axis, refined by Gauss-Newton steps.

Positions run from -1 to 1 along an axis. A placement (M, 4) holds scale and shift of the vertical, then of the
horizontal axis: what is at u in the part is at scale * u + shift in the whole. B. D. Lucas and T. Kanade, An iterative
image registration technique with an application to stereo vision, IJCAI 1981.

Shapes: M pairs, n pixels of a side.
"""

from functools import lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sfumato.data.duplicates.candidates import WINDOWS

Floats = NDArray[np.float32]
LONGEST_STEP = 0.06
"""In positions; a longer step leaves the range in which the linear model holds."""


def placements(window: NDArray[np.int64]) -> Floats:
    """(M, 4) of parts that fill the given windows of WINDOWS."""
    cuts = np.array(WINDOWS, dtype=np.float32)[window]
    before, after = cuts[:, :, 0], cuts[:, :, 1]
    return np.stack([1 - before - after, before - after], axis=2).reshape(-1, 4)


def blur(images: Floats, sigma: float) -> Floats:
    """(M, n, n) blurred by a Gaussian of `sigma` pixels, mirrored at the borders."""
    matrix = _gaussian(images.shape[-1], sigma)
    return (matrix @ images @ matrix.T).astype(np.float32, copy=False)


@lru_cache
def _gaussian(n: int, sigma: float) -> Floats:
    reach = int(4 * sigma) + 1
    matrix = np.zeros((n, n))
    for step in range(-reach, reach + 1):
        at = np.abs(np.arange(n) + step + 0.5) - 0.5
        mirrored = np.where(at > n - 1, 2 * n - 1 - at, at).astype(np.int64)
        matrix[np.arange(n), mirrored] += np.exp(-(step**2) / (2 * sigma**2))
    return (matrix / matrix.sum(axis=1, keepdims=True)).astype(np.float32)


def render(whole: Floats, placement: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """(M, n, n) what the wholes show where the parts lie, and whether that is within the whole at all."""
    n = whole.shape[-1]
    vertical, inside_v = _sampling(placement[:, 0], placement[:, 1], n)
    horizontal, inside_h = _sampling(placement[:, 2], placement[:, 3], n)
    shown = (vertical @ whole @ horizontal.transpose(0, 2, 1)).astype(np.float32, copy=False)
    return shown, inside_v[:, :, None] & inside_h[:, None, :]


def _sampling(scale: Floats, shift: Floats, n: int) -> tuple[Floats, NDArray[np.bool_]]:
    """(M, n, n) matrices that interpolate linearly along one axis; (M, n) positions that exist."""
    u = positions(n)
    at = scale[:, None] * u + shift[:, None]
    pixel = np.clip(((at + 1) * n - 1) / 2, 0, n - 1)
    weights = np.maximum(0, 1 - np.abs(pixel[:, :, None] - np.arange(n, dtype=np.float32)))
    return weights.astype(np.float32), np.abs(at) <= 1


def positions(n: int) -> Floats:
    """(n,) the middles of n pixels, from -1 to 1."""
    return ((2 * np.arange(n, dtype=np.float32) + 1) / n - 1).astype(np.float32)


def refine(part: Floats, whole: Floats, placement: Floats, steps: int) -> Floats:
    """(M, 4) placements after some Gauss-Newton steps, whatever the gain and offset between part and whole."""
    for _ in range(steps):
        placement = placement + _step(part, whole, placement)
        placement[:, ::2] = np.clip(placement[:, ::2], 0.6, 1.6)
        placement[:, 1::2] = np.clip(placement[:, 1::2], -0.5, 0.5)
    return placement


def _step(part: Floats, whole: Floats, placement: Floats) -> Floats:
    m, n, _ = part.shape
    shown, inside = render(whole, placement)
    slopes = np.zeros((2, *shown.shape), dtype=np.float32)
    slopes[0, :, 1:-1] = (shown[:, 2:] - shown[:, :-2]) * (n / 4) / placement[:, 0, None, None]
    slopes[1, :, :, 1:-1] = (shown[:, :, 2:] - shown[:, :, :-2]) * (n / 4) / placement[:, 2, None, None]
    target, _ = _standard(part, inside)
    shown, deviation = _standard(shown, inside)
    slopes *= (inside / deviation).astype(np.float32)
    u = positions(n)
    jacobian = np.stack([slopes[0] * u[:, None], slopes[0], slopes[1] * u, slopes[1]], axis=1).reshape(m, 4, -1)
    hessian = jacobian @ jacobian.transpose(0, 2, 1)
    trace = np.trace(hessian, axis1=1, axis2=2)[:, None, None]
    hessian += np.eye(4, dtype=np.float32) * (2.5e-4 * trace + 1e-6)
    step = cast(Floats, np.linalg.solve(hessian, jacobian @ (target - shown).reshape(m, -1, 1)))
    return np.clip(step[:, :, 0], -LONGEST_STEP, LONGEST_STEP)


def _standard(images: Floats, inside: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Images with mean 0 and deviation 1 where `inside`, 0 elsewhere; and the (M, 1, 1) deviations."""
    number = np.maximum(inside.sum(axis=(1, 2), keepdims=True), 1).astype(np.float32)
    centred = (images - (images * inside).sum(axis=(1, 2), keepdims=True) / number) * inside
    deviation = np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True) / number) + np.float32(1e-6)
    return centred / deviation, deviation
