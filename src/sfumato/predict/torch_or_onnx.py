"""What computes a bundle's networks: torch, or ONNX Runtime where the bundle holds graphs."""

from typing import Literal, NamedTuple, cast, get_args

import torch

from sfumato.bundle.ensemble import AnyBundle, Ensemble
from sfumato.errors import InputError, nearest_name
from sfumato.predict.graphs import at_hand

EngineName = Literal["auto", "torch", "onnx"]
"""auto = ONNX Runtime on a processor, where the bundle holds graphs and it is installed; else torch."""


class Engine(NamedTuple):
    """What was chosen, and why."""

    name: Literal["torch", "onnx"]
    reason: str


def choose_engine(asked: str, bundle: AnyBundle, device: torch.device, where: str) -> Engine:
    """The engine asked for, if the bundle can be computed by it, or the quickest that can.

    Raises:
        InputError: No such engine; ONNX Runtime asked for a bundle without graphs, or for another device.
    """
    if asked not in get_args(EngineName):
        names = get_args(EngineName)
        raise InputError(
            f"no engine {asked!r}", expected=f"one of {', '.join(names)}", nearest=nearest_name(asked, names)
        )
    if asked == "torch":
        return Engine("torch", "asked for")
    lacking = _lacking(bundle, device)
    if asked == "onnx":
        if lacking is not None:
            raise InputError(f"engine onnx: {lacking}", where=where, mend=f"sfumato export {where} --to onnx")
        return Engine("onnx", "asked for")
    if lacking is not None or not at_hand():
        return Engine("torch", lacking or "ONNX Runtime is not installed")
    return Engine("onnx", "the bundle holds graphs, and ONNX Runtime is quicker on a processor")


def _lacking(bundle: AnyBundle, device: torch.device) -> str | None:
    if device.type != "cpu":
        return f"graphs are computed on a processor, and not on {device}"
    return None if _has_graphs(bundle) else "the bundle holds no graphs"


def _has_graphs(bundle: AnyBundle) -> bool:
    return all(map(_has_graphs, bundle.members)) if isinstance(bundle, Ensemble) else bool(bundle.graphs)


BF16 = 2**-7
"""Between 1 and the next number of bf16."""


def held_rounding(bundle: AnyBundle) -> float:
    """What devices may differ by where a bundle's weights are computed with in bf16; 0 where they are of fp32."""
    if isinstance(bundle, Ensemble):
        return max(map(held_rounding, bundle.members))
    return 0.0 if bundle.model.get("base", "fp32") == "fp32" else BF16


def rounding(bundle: AnyBundle) -> float:
    """What rounding to 8 bits changed of golden logits when the graphs were made; 0 where none was rounded."""
    if isinstance(bundle, Ensemble):
        return max(map(rounding, bundle.members))
    return float(cast(float, (bundle.graph or {}).get("rounding", 0.0)))
