"""Do two pictures show the same? Decided on fine detail, place by place, after one is laid upon the other.

Solar cells share their busbars and blank areas their blankness; over the whole picture unrelated ones correlate above
0.9. So detail is scaled to equal strength everywhere, and compared in small blocks: the similarity is the correlation
that three blocks in four exceed.

Shapes: M pairs, n pixels of a side.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sfumato.data.duplicates.align import Floats, blur, placements, refine, render
from sfumato.data.duplicates.candidates import Candidates
from sfumato.data.duplicates.fingerprint import SIDE, FingerprintSet, chunks
from sfumato.data.parallel import in_parallel
from sfumato.data.progress import Progress

LEAST_SIMILARITY = 0.45
"""Pairs below are unrelated: see benchmarks/duplicates.py for how many are missed and how many are wrong."""
LEAST_COARSE = 0.6
"""Correlation of coarse detail under which the look at fine detail is spared."""
BATCH = 8
"""Pairs at once: what they need then stays in the processor's cache."""
BLOCK = 8
LEAST_DETAIL = 0.003
"""Mean square of scaled detail under which a block is empty, such as a white background. Blocks of a blank solar cell
have more, if little: without them, what is left are busbars, and those agree between unrelated cells."""
LEAST_TELLING = 0.1
"""Share of blocks that must have detail; with less, a pair is not judged."""


def similarities(fingerprints: FingerprintSet, found: Candidates, progress: Progress) -> NDArray[np.float64]:
    """(P,) similarity of each candidate pair, -1 to 1; from LEAST_SIMILARITY on, both show the same."""
    batches = list(chunks(len(found.whole), BATCH))
    result = np.full(len(found.whole), -1.0)
    # the matrices are small: threads inside each product would only wait for each other
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        compared = in_parallel(partial(_batch, fingerprints, found), batches, pool)
        for rows, values in zip(batches, progress(compared, len(batches)), strict=True):
            result[rows] = values
    return result


def _batch(fingerprints: FingerprintSet, found: Candidates, rows: slice) -> NDArray[np.float64]:
    part = fingerprints.thumbnails(found.part[rows]).astype(np.float32)
    whole = fingerprints.thumbnails(found.whole[rows]).astype(np.float32)
    side = np.minimum(fingerprints.sides[found.part[rows]], fingerprints.sides[found.whole[rows]])
    return _compare(part, whole, placements(found.window[rows]), side)


def _compare(part: Floats, whole: Floats, placement: Floats, side: NDArray[np.int32]) -> NDArray[np.float64]:
    result = np.full(len(part), -1.0)
    half_part, half_whole = _half(part), _half(whole)
    a, b = (_detail(half, 1.0, 3.0, 6.0, 1.0) for half in (half_part, half_whole))
    placement = refine(a, b, placement, 5)
    shown, inside = render(b, placement)
    likely = np.flatnonzero(_correlation(a, shown, inside) >= LEAST_COARSE)
    if not len(likely):
        return result
    a, b = (_detail(half[likely], 0.7, 1.5, 4.0, 0.3) for half in (half_part, half_whole))
    placement = refine(a, b, placement[likely], 4)
    shown, inside = render(whole[likely], placement)
    for level in np.unique(_level(side[likely])):
        same = _level(side[likely]) == level
        result[likely[same]] = _blockwise(part[likely][same], shown[same], inside[same], 2.0**level)
    return result


def _half(images: Floats) -> Floats:
    m, n, _ = images.shape
    return images.reshape(m, n // 2, 2, n // 2, 2).mean(axis=(2, 4)).astype(np.float32, copy=False)


def _detail(images: Floats, fine: float, broad: float, area: float, noise: float) -> Floats:
    """Detail of a size between `fine` and `broad` pixels, scaled to equal strength over areas of `area` pixels.

    Detail of `noise` grey levels and less is left weak.
    """
    band = (blur(images, fine) - blur(images, broad)).astype(np.float32, copy=False)
    strength = np.sqrt(blur((band * band).astype(np.float32, copy=False), area) + np.float32(noise**2))
    return (band / strength).astype(np.float32, copy=False)


def _correlation(a: Floats, b: Floats, inside: NDArray[np.bool_]) -> Floats:
    """(M,) of the places inside."""
    return _from_sums([(x * inside).sum(axis=(1, 2)) for x in (np.ones_like(a), a, b, a * a, b * b, a * b)])


def _from_sums(sums: list[Floats]) -> Floats:
    """Correlation of a and b from the sums of 1, a, b, aa, bb and ab."""
    number, a, b, aa, bb, ab = sums
    number = np.maximum(number, 1)
    spread = np.maximum((aa - a * a / number) * (bb - b * b / number), 0)
    return ((ab - a * b / number) / np.sqrt(spread + (1e-3 * number) ** 2)).astype(np.float32, copy=False)


def _level(side: NDArray[np.int32]) -> NDArray[np.int64]:
    """How many times the finest detail must be doubled in size so that pictures of such a side can hold it."""
    return np.clip(np.ceil(np.log2(SIDE / np.maximum(side, 1))), 0, 2).astype(np.int64)


def _blockwise(part: Floats, shown: Floats, inside: NDArray[np.bool_], size: float) -> NDArray[np.float64]:
    """(M,) the lower quartile of the correlations of fine detail in blocks that lie well inside both pictures.

    Blocks where neither has any detail say nothing: white backgrounds are no disagreement.
    """
    a, b = (_detail(images, 0.7 * size, 1.5 * size, 4.0 * size, 0.2) for images in (part, shown))
    well_inside = np.zeros_like(inside)
    well_inside[:, 3:-3, 3:-3] = inside[:, 6:, 6:] & inside[:, :-6, :-6] & inside[:, 6:, :-6] & inside[:, :-6, 6:]
    sums = [_block_sums(x * well_inside) for x in (np.ones_like(a), a, b, a * a, b * b, a * b)]
    overlap = sums[0] > BLOCK**2 / 2
    telling = overlap & (np.maximum(sums[3], sums[4]) > LEAST_DETAIL * sums[0])
    local = np.where(telling, _from_sums(sums), np.nan).astype(np.float64)
    enough = (overlap.mean(axis=1) >= 0.5) & (telling.mean(axis=1) >= LEAST_TELLING)
    local[~enough] = -1
    return np.nanquantile(local, 0.25, axis=1)


def _block_sums(values: Floats) -> Floats:
    blocks = SIDE // BLOCK
    return values.reshape(-1, blocks, BLOCK, blocks, BLOCK).sum(axis=(2, 4)).reshape(len(values), -1)
