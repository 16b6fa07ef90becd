"""Where in a picture a classifier finds what speaks for a class.

Gradient times activation, summed over the features of each place: HiResCAM (Draelos and Carin, 2020), which is
Grad-CAM (Selvaraju et al., ICCV 2017) wherever the map is averaged, and stays faithful where it is not. It is taken of
the last map; of a Transformer with tokens, of what its last block sees, for behind it the class token alone counts.
What is differentiated are the log-odds of the class against the others: a logit moves with what is common to all.

Shapes: B pictures, T places (tokens), D features, H and W places down and across, C classes.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from math import isqrt
from typing import Any, cast

import torch
from torch import Tensor, nn

from sfumato.models.classifier import Classifier
from sfumato.models.network import Network


def has_maps(model: Network) -> bool:
    """Whether `class_maps` can be asked of it: a classifier of pictures alone with a timm backbone."""
    return isinstance(model, Classifier) and hasattr(model.backbone, "forward_features")


def class_maps(model: Network, images: Tensor, wanted: Sequence[int], among: slice, *, several: bool) -> Tensor | None:
    """(B, H, W) how much each place speaks for the class, from 0 to 1: the most telling place of a picture is 1.

    A picture in which nothing does has zeros. None where the network has no map of places.

    Args:
        model: In evaluation mode; see `has_maps`.
        images: (B, 3, side, side), uint8 or floats in 0 to 255.
        wanted: B places among the classes of a task.
        among: The task's logits.
        several: Whether a picture may be of several classes, so that each logit is a question of its own.
    """
    kept: list[Tensor] = []
    backbone = cast(Classifier, model).backbone
    with torch.enable_grad(), _watched(backbone, kept.append):
        logits = model.logits(images)[:, among]
    if not kept or not logits.requires_grad:
        return None
    score = _log_odds(logits, torch.tensor(wanted, device=logits.device), several=several).sum()
    gradient = cast(tuple[Tensor | None], torch.autograd.grad(score, kept[-1], allow_unused=True))[0]
    return None if gradient is None else _of_places(kept[-1].detach(), gradient, _prefix(backbone))


def _log_odds(logits_bc: Tensor, wanted: Tensor, *, several: bool) -> Tensor:
    """(B,) of the wanted class against all others; its logit is that already where classes are asked one by one."""
    own = logits_bc.gather(1, wanted[:, None])[:, 0]
    if several or logits_bc.shape[1] == 1:
        return own
    others = logits_bc.scatter(1, wanted[:, None], float("-inf"))
    return own - others.logsumexp(dim=1)


@contextmanager
def _watched(backbone: nn.Module, keep: Callable[[Tensor], None]) -> Generator[None]:
    """Within the context `keep` is given what is looked at, cut off from what came before it."""

    def cut(seen: Tensor) -> Tensor:
        seen = seen.detach().requires_grad_()
        keep(seen)
        return seen

    block = _last_block(backbone)
    if block is not None:
        handle = block.register_forward_pre_hook(lambda _, given: (cut(given[0]), *given[1:]))
        try:
            yield
        finally:
            handle.remove()
        return
    features = cast(Callable[[Tensor], Any], backbone.forward_features)

    def watched(images: Tensor) -> Any:
        seen = features(images)
        return cut(seen) if isinstance(seen, Tensor) else seen

    cast(Any, backbone).forward_features = watched  # on the instance alone, before that of its class
    try:
        yield
    finally:
        del cast(Any, backbone).forward_features


def _last_block(backbone: nn.Module) -> nn.Module | None:
    """The last block of a Transformer with class tokens, or one whose places are weighed by attention at its end."""
    blocks = getattr(backbone, "blocks", None)
    if not isinstance(blocks, nn.Sequential | nn.ModuleList) or not len(blocks) or _prefix(backbone) is None:
        return None
    return blocks[-1] if hasattr(blocks[-1], "attn") else None


def _prefix(backbone: nn.Module) -> int | None:
    """How many tokens stand before those of the picture; None = the network is no Transformer of timm's plain kind."""
    return cast(int | None, getattr(backbone, "num_prefix_tokens", None))


def _of_places(seen: Tensor, gradient: Tensor, prefix: int | None) -> Tensor | None:
    """(B, H, W) of a map or tokens and their gradient."""
    if seen.ndim == 4:
        if seen.shape[2] != seen.shape[3]:  # (B, H, W, D), as of Swin
            seen, gradient = seen.permute(0, 3, 1, 2), gradient.permute(0, 3, 1, 2)
        return _scaled((gradient * seen).sum(dim=1))
    if seen.ndim != 3:
        return None
    found = (gradient * seen).sum(dim=2)
    grid = _grid(found.shape[1], prefix or 0)
    return None if grid is None else _scaled(found[:, -grid * grid :].reshape(-1, grid, grid))


def _grid(tokens: int, prefix: int) -> int | None:
    """Side of the square of places; None where they are none."""
    sides = [isqrt(count) for count in (tokens - prefix, tokens) if count > 0 and isqrt(count) ** 2 == count]
    return sides[0] if sides else None


def _scaled(found: Tensor) -> Tensor:
    """What speaks for the class alone, its greatest 1."""
    found = found.float().relu()
    return found / found.amax(dim=(1, 2), keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
