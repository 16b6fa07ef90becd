"""TF32 and compiling: what pays on which device, each with the reason that is printed."""

from typing import Literal

import torch

from sfumato.errors import InputError
from sfumato.training.device import Choice

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
