"""The device that a bundle computes on."""

import torch

from sfumato.errors import InputError


def chosen_device(asked: str | None) -> torch.device:
    """The device asked for, else the best there is.

    Raises:
        InputError: There is no such device here.
    """
    try:
        device = torch.device(asked or _best())
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError) as error:
        there = [name for name, module in (("cuda", torch.cuda), ("mps", torch.mps)) if module.device_count()]
        raise InputError(f"no device {asked!r} here", expected=" or ".join([*there, "cpu"])) from error
    return device


def _best() -> str:
    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
