"""What computes a bundle's networks: torch, in fp32 or in bf16, or ONNX Runtime where the bundle holds graphs."""

from typing import Literal, NamedTuple, cast, get_args

import torch

from sfumato.bundle.ensemble import AnyBundle, Ensemble
from sfumato.errors import InputError, nearest_name
from sfumato.models.arithmetic import has_bf16
from sfumato.predict.graphs import at_hand

EngineName = Literal["auto", "torch", "bf16", "onnx"]
"""auto = ONNX Runtime on a processor, where the bundle holds graphs and it is installed; else torch. bf16 = torch with
products and convolutions in bf16, whose numbers have 8 bits: never chosen by itself."""
Computing = Literal["torch", "bf16", "onnx"]


class Engine(NamedTuple):
    """What was chosen, and why."""

    name: Computing
    reason: str


def choose_engine(asked: str, bundle: AnyBundle, device: torch.device, where: str) -> Engine:
    """The engine asked for, if the bundle can be computed by it, or the quickest that can.

    Raises:
        InputError: No such engine; ONNX Runtime asked for a bundle without graphs, or for another device; bf16 where
            the device would imitate it.
    """
    if asked not in get_args(EngineName):
        names = get_args(EngineName)
        raise InputError(
            f"no engine {asked!r}", expected=f"one of {', '.join(names)}", nearest=nearest_name(asked, names)
        )
    if asked == "bf16":
        _refuse_imitated(device, where)
    if asked in ("torch", "bf16"):
        return Engine(asked, "asked for")
    lacking = _lacking(bundle, device)
    if asked == "onnx":
        if lacking is not None:
            raise InputError(f"engine onnx: {lacking}", where=where, mend=f"sfumato export {where} --to onnx")
        return Engine("onnx", "asked for")
    if lacking is not None or not at_hand():
        return Engine("torch", lacking or "ONNX Runtime is not installed")
    return Engine("onnx", "the bundle holds graphs, and ONNX Runtime is quicker on a processor")


def _refuse_imitated(device: torch.device, where: str) -> None:
    if not has_bf16(device):
        what = f"engine bf16: the device {device} computes nothing in bf16"
        raise InputError(what, where=where, expected="torch, or onnx where the bundle holds graphs")


def _lacking(bundle: AnyBundle, device: torch.device) -> str | None:
    if device.type != "cpu":
        return f"graphs are computed on a processor, and not on {device}"
    return None if _has_graphs(bundle) else "the bundle holds no graphs"


def _has_graphs(bundle: AnyBundle) -> bool:
    return all(map(_has_graphs, bundle.members)) if isinstance(bundle, Ensemble) else bool(bundle.graphs)


BF16 = 2**-7
"""Between 1 and the next number of bf16."""


def rounding(bundle: AnyBundle, name: Computing) -> float:
    """What golden logits may differ by, of their size, with an engine; 0 where it rounds no more than fp32 does.

    Graphs of 8 bits say what rounding changed when they were made; networks may be held in bf16, or computed in it.
    """
    if isinstance(bundle, Ensemble):
        return max(rounding(one, name) for one in bundle.members)
    if name == "onnx":
        return float(cast(float, (bundle.graph or {}).get("rounding", 0.0)))
    return 0.0 if name == "torch" and bundle.model.get("base", "fp32") == "fp32" else BF16
