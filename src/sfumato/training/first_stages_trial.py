"""Which first stages of a network a kept map may stand in for: the longest ones for which a batch, tried, agrees."""

import copy
from collections.abc import Callable
from itertools import islice

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from sfumato.data.randomness import torch_seed
from sfumato.models.first_stages import FirstStages, calls_of, candidates
from sfumato.models.network import Network
from sfumato.training.job import Job
from sfumato.training.parameters import apply_learning
from sfumato.training.timeline import LearnTable

TRIED = 8
"""Ends of first stages that are tried, the last ones that do not learn."""
APART = 1e-4
"""How far a batch computed either way may be apart, as a share of the greatest number; most are the same to the bit."""
APART_ROUNDED = 2e-2
"""The same where the network rounds to 16 bits, or a device may keep fewer than fp32 has."""
LEAST_SHARE = 0.05
"""Share of a step's multiply-adds that first stages take at least to be worth keeping; a backward pass counts twice."""
LEAST_A_BYTE = 20
"""Multiply-adds a byte of their map that they take at least, about what a CPU does while it reads one."""


def find_first_stages(job: Job, images: Tensor, learn: LearnTable) -> FirstStages | str | None:
    """The longest first stages whose map gives what their pictures give, in training: features and gradients.

    Args:
        job: Its model is left as it is.
        images: (B, 3, H, W) pictures as training shows them.
        learn: What learns.

    Returns:
        Why there are none, where some do not learn; None where the first thing that runs does.
    """
    model = copy.deepcopy(job.model)
    apply_learning(model, learn)
    with job.machine.autocast():
        calls = calls_of(model, images)
        found = list(islice(candidates(model, calls, images.shape[-1]), TRIED))
    agreeing = next((one for one in found if _agrees(job, model, one, images, learn)), None)
    if agreeing is None:
        return "what follows does not depend on one map alone" if found else None
    return _not_worth(job, model.eval(), agreeing, images[:1]) or agreeing


def alike(job: Job, one: Tensor, other: Tensor) -> bool:
    """Whether two tensors that a job's network gave are the same but for rounding."""
    with job.machine.autocast():
        rounded = torch.is_autocast_enabled(one.device.type) or one.device.type != "cpu"
    most = (APART_ROUNDED if rounded else APART) * float(one.abs().max())
    return one.shape == other.shape and bool((one - other).abs().max() <= most)


def _agrees(job: Job, model: Network, first: FirstStages, images: Tensor, learn: LearnTable) -> bool:
    """Whether features and gradients of a step are the same either way; the map is as evaluation has it.

    What depended on anything but the map, however little, would be nan.
    """
    try:
        with torch.no_grad(), job.machine.autocast():
            maps = first.maps(model.eval(), images)
        apply_learning(model, learn)
        whole = _step(job, model, lambda: model(images))
        rest = _step(job, model, lambda: first.follow(model, maps, torch.nan))
    except RuntimeError:  # what is passed over gave other shapes than the code between modules can bear
        return False
    return all(alike(job, one, other) for one, other in zip(whole, rest, strict=True))


def _step(job: Job, model: Network, compute: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """(B, D) features and the gradient of all that learns, one after the other, of a step without labels."""
    model.zero_grad(set_to_none=True)
    with torch.random.fork_rng():
        torch.manual_seed(torch_seed(job.spec.seed, "first stages"))
        with job.machine.autocast():
            features = compute()[0].float()
        (features * torch.randn_like(features)).sum().backward()
    learning = [one for one in model.parameters() if one.requires_grad]
    grads = [torch.zeros_like(one) if one.grad is None else one.grad for one in learning]
    return features.detach(), torch.cat([one.flatten() for one in grads])


def _not_worth(job: Job, model: Network, first: FirstStages, images: Tensor) -> str | None:
    """Why maps would not be kept although they could be; None = they are."""
    done = multiply_adds(job, lambda: first.maps(model, images))
    rest = multiply_adds(job, lambda: model(images)) - done
    share = done / (done + 3 * rest) if done else 0.0
    if share < LEAST_SHARE:
        return f"they take {share:.1%} of the multiply-adds of a step, and from {LEAST_SHARE:.0%} on maps are kept"
    if done < LEAST_A_BYTE * first.bytes:
        return f"a map of {first.bytes / 1000:.0f} kB is hardly less work to read than to compute"
    if job.machine.device.type != "cpu" and first.bytes > images.numel():
        return f"a map of {first.bytes / 1000:.0f} kB is more to bring to the device than a picture"
    return None


def multiply_adds(job: Job, compute: Callable[[], object]) -> float:
    """Those of matrix products and convolutions."""
    with torch.no_grad(), job.machine.autocast(), FlopCounterMode(display=False) as counter:
        compute()
    return counter.get_total_flops() / 2
