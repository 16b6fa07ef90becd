"""TF32, compiling, layout, fused steps: what pays on which device, each with the reason that is printed."""

from typing import Literal

import torch

from sfumato.errors import InputError
from sfumato.training.device import Choice
from sfumato.training.machine import Layout
from sfumato.training.optimizer import AdamWSpec, PagedAdamWSpec, SgdSpec

PAYS_FROM = 5_000
"""Steps; compiling takes one to three minutes for each kind of step, and makes a step 1.1 to 1.5 times as fast."""


def choose_tf32(asked: Literal["auto"] | bool, device: str) -> tuple[bool, Choice | None]:
    """Whether fp32 products may use TF32, and what is to be said of it; None = nothing.

    Raises:
        InputError: It is asked for where there is none.
    """
    there = device == "cuda" and torch.cuda.get_device_capability()[0] >= 8
    if asked is True and not there:
        what = f"has no effect: the {device} device has none"
        raise InputError(what, setting="train.tf32", expected="auto, or a CUDA device from Ampere on")
    if asked == "auto":
        return there, Choice("true", "the GPU has it; weights stay fp32") if there else None
    return asked, Choice(str(asked).lower(), "asked for in train.tf32")


def choose_compile(asked: Literal["auto"] | bool, device: str, steps: int) -> tuple[bool, Choice | None]:
    """Whether torch compiles the network, and what is to be said of it; None = nothing."""
    if asked != "auto":
        return asked, Choice("true", "asked for in train.compile") if asked else None
    if device != "cuda":
        return False, None  # on CPUs compiled steps took longer than others where it was measured (docs/speed.md)
    pays = steps >= PAYS_FROM
    return pays, Choice(str(pays).lower(), f"{steps} steps, and it pays from {PAYS_FROM} on")


def choose_layout(asked: Literal["auto"] | Layout, device: str) -> tuple[Layout, Choice]:
    """How images and weights lie in memory, and what is to be said of it."""
    if asked != "auto":
        return asked, Choice(asked, "asked for in train.layout")
    if device == "mps":
        return "contiguous", Choice("contiguous", "MPS lays them out so itself")
    return "channels_last", Choice("channels_last", "which convolutions are computed faster in")


def fuses(asked: Literal["auto"] | bool, device: str) -> bool:
    """Whether a step of AdamW or SGD is one pass over all weights."""
    return device in ("cpu", "cuda") if asked == "auto" else asked


def choose_fused(
    asked: Literal["auto"] | bool, optimizer: AdamWSpec | SgdSpec, device: str
) -> tuple[bool, Choice | None]:
    """Whether steps are fused, and what is to be said of it; None = nothing.

    Raises:
        InputError: It is said of an optimiser that has one way alone, or asked for where there is no such kernel.
    """
    if isinstance(optimizer, PagedAdamWSpec):
        if asked != "auto":
            what = f"has no effect: {optimizer.kind} has kernels of its own"
            raise InputError(what, setting="train.fused", expected="auto")
        return False, None
    if asked is True and not fuses("auto", device):
        what = f"has no effect: the {device} device has no such kernel"
        raise InputError(what, setting="train.fused", expected="auto, or a CPU or CUDA device")
    fused = fuses(asked, device)
    return fused, Choice(str(fused).lower(), "one pass over all weights a step" if fused else "a pass for each weight")
