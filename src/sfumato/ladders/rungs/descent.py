"""Descent with known bounds on how the loss bends, so that no step size is searched and no step makes it worse.

Steps are 1 / bound of each block of numbers, as majorising and minimising asks (Hunter and Lange, The American
Statistician 2004), with Nesterov's momentum, which is dropped where it overshoots (O'Donoghue and Candes, Foundations
of Computational Mathematics 2015). What pulls towards a point is solved for and not stepped (Parikh and Boyd, Proximal
Algorithms, 2014), so that it may be infinite.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

Blocks = tuple[Tensor, ...]


def _stay(blocks: Blocks, _rates: Sequence[float]) -> Blocks:
    return blocks


def _nothing(_blocks: Blocks) -> float:
    return 0.0


def descend(
    loss: Callable[..., Tensor],
    start: Blocks,
    bounds: Sequence[float],
    steps: int,
    settle: Callable[[Blocks, Sequence[float]], Blocks] = _stay,
    pull: Callable[[Blocks], float] = _nothing,
) -> Iterator[tuple[Blocks, float]]:
    """Yield the blocks and the whole loss at the start and after each step; the loss never rises.

    Args:
        loss: Of the blocks; differentiable.
        start: B blocks.
        bounds: Of each block, the greatest curvature of the loss along it.
        steps: How many at most; it ends where none gains.
        settle: Blocks after a step with these rates -> the minimum of `pull` + |change|^2 / (2 rate): its proximal map.
        pull: What is added to the loss.
    """
    rates = [1 / (len(start) * bound) for bound in bounds]  # jointly they bend by no more than B times each alone
    now, before, momentum = start, start, 0
    height = float(loss(*now)) + pull(now)
    yield now, height
    for _ in range(steps):
        ahead = tuple(a + momentum / (momentum + 3) * (a - b) for a, b in zip(now, before, strict=True))
        found = settle(_stepped(loss, ahead, rates), rates)
        lower = float(loss(*found)) + pull(found)
        if not lower < height:
            if not momentum:
                rates = [rate / 2 for rate in rates]  # a loss that is not convex may bend more than at the start
                if rates[0] * bounds[0] < 1e-6:
                    return
            momentum, before = 0, now
            continue
        now, before, height, momentum = found, now, lower, momentum + 1
        yield now, height


def _stepped(loss: Callable[..., Tensor], blocks: Blocks, rates: Sequence[float]) -> Blocks:
    with torch.enable_grad():
        free = tuple(block.detach().requires_grad_() for block in blocks)
        slopes = torch.autograd.grad(loss(*free), free)
    return tuple(block.detach() - rate * slope for block, rate, slope in zip(free, rates, slopes, strict=True))
