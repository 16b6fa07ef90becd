"""In which order the classes of a picture, which have none, are taught to what writes them one after another.

Shapes: B samples, T steps, C classes.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from sfumato.models.cnn_rnn.decoder import Decoder


def ranks(counts: NDArray[np.int64], *, rare_first: bool) -> Tensor:
    """(C,) place of each class by how many training samples it has, the more frequent first or last; then by index."""
    order = np.lexsort((np.arange(len(counts)), counts if rare_first else -counts))
    return torch.from_numpy(order.argsort().astype(np.float32))


def written(there: Tensor, places: Tensor, decoder: Decoder) -> Tensor:
    """(B, T) tokens: the classes of each sample in the order of their places, the end, and padding after it.

    Args:
        there: (B, C) whether a sample is of a class.
        places: (B, C) or (C,), the least first.
        decoder: Whose tokens; classes past its longest sequence are left out.
    """
    counts = there.sum(dim=1).clamp(max=decoder.longest)
    order = places.expand_as(there).masked_fill(~there, torch.inf).argsort(dim=1, stable=True)
    length = int(counts.max()) + 1
    step = torch.arange(length, device=there.device)
    padded = torch.cat([order, torch.full_like(order[:, :1], decoder.pad)], dim=1)[:, :length]
    tokens = padded.where(step < counts[:, None], decoder.pad)
    return tokens.where(step != counts[:, None], decoder.end)


@torch.no_grad()
def named_freely(decoder: Decoder, features: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """What the decoder would name by itself, no class twice and without an end.

    Args:
        decoder: As it is, in training too.
        features: (B, D).
        steps: T, at most its longest sequence.

    Returns:
        (B, T, C) log-probabilities of the classes, and (B, T) the classes it names.
    """
    state, last = decoder.start(len(features), features), torch.full_like(features[:, 0], decoder.begin).long()
    named = torch.zeros(len(features), decoder.classes, dtype=torch.bool, device=features.device)
    found, chosen = list[Tensor](), list[Tensor]()
    for _ in range(steps):
        scores, state = decoder.step(last, features, state)
        found.append(scores.log_softmax(dim=1)[:, : decoder.classes])
        last = found[-1].masked_fill(named, -torch.inf).argmax(dim=1)
        named.scatter_(1, last[:, None], value=True)
        chosen.append(last)
    return torch.stack(found, dim=1), torch.stack(chosen, dim=1)


def aligned(log_p: Tensor, chosen: Tensor, there: Tensor, *, keep: bool) -> Tensor:
    """(B, C) step at which each class of a sample is to be named; of others 0.

    Of n classes each has one of the first n steps, so that the sum of -log p is least (the Hungarian method). With
    `keep` what is named rightly stays at its step, and the others share the rest: predicted label alignment, else
    minimal loss alignment, both of Yazici et al., Orderless Recurrent Models for Multi-label Classification, CVPR 2020.

    Args:
        log_p: (B, T, C) log-probabilities at each step.
        chosen: (B, T) classes that are named.
        there: (B, C) whether a sample is of a class; of at most T.
        keep: As above.
    """
    costs, named, members = (-log_p).double().cpu().numpy(), chosen.cpu().numpy(), there.cpu().numpy()
    places = np.zeros(members.shape, dtype=np.float32)
    for place, cost, said, classes in zip(places, costs, named, members, strict=True):
        _align(place, cost, said if keep else (), np.flatnonzero(classes))
    return torch.from_numpy(places).to(log_p.device)


def _align(
    place: NDArray[np.float32], cost: NDArray[np.float64], said: Sequence[int], classes: NDArray[np.intp]
) -> None:
    """Fill in the steps of one sample."""
    wanted = set(cast(list[int], classes.tolist()))
    kept = {step: int(c) for step, c in enumerate(said[: len(classes)]) if int(c) in wanted}
    steps = [step for step in range(len(classes)) if step not in kept]
    left = sorted(wanted - set(kept.values()))
    rows, columns = linear_sum_assignment(cost[np.ix_(steps, left)])
    for row, column in zip(rows, columns, strict=True):
        place[left[column]] = steps[row]
    for step, c in kept.items():
        place[c] = step
