"""Which image sizes a network takes, asked of the network itself."""

from collections.abc import Iterable

import torch

from sfumato.errors import InputError
from sfumato.models.network import Network


def check_sizes(model: Network, sizes: Iterable[int], name: str, setting: str = "timeline") -> None:
    """Refuse image sizes that the backbone can't take, before anything is trained.

    Raises:
        InputError: With the backbone's own words, and the nearest sizes that it takes.
    """
    training = model.training
    model.eval()
    for size in sizes:
        reason = _refusal(model, size)
        if reason is not None:
            near = [_nearest(model, size, step) for step in (-1, 1)]
            expected = " or ".join(f"{one} px" for one in near if one is not None) or None
            what = f"{name} can't take images of {size} px: {reason}"
            raise InputError(what, setting=setting, expected=expected)
    model.train(training)


_FARTHEST = 64
"""Pixels to either side in which a size is looked for that the backbone takes; the largest patches have 32."""


def _nearest(model: Network, size: int, step: int) -> int | None:
    """The first size that the backbone takes, going up or down."""
    sizes = range(size + step, size + step * (_FARTHEST + 1), step)
    return next((one for one in sizes if one > 0 and _refusal(model, one) is None), None)


def _refusal(model: Network, size: int) -> str | None:
    """Why the backbone can't take images of a size; None = it can."""
    try:
        with torch.inference_mode():
            model.logits(torch.zeros(1, 3, size, size))
    except (AssertionError, RuntimeError, ValueError) as error:
        return str(error).strip().splitlines()[0]
    return None
