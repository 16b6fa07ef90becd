"""What a training step of the dual pyramid needs in memory, beside one that writes its attention's weights down.

usage: starnet_memory.py [--batch 32] [--write]     224 px, fp32; each case is a process of its own, the last of 17 GB
"""

import argparse
import json
import math
import os
import platform
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import torch
from torch import Tensor, nn

from sfumato.models.backbone import build_backbone
from sfumato.models.starnet.attention import SelfAttention
from sfumato.models.starnet.transformer import TransformerBlock
from sfumato.run_folder import environment
from sfumato.training.memory import release_memory
from sfumato.training.peak_memory import PeakMemory

NAME, SIDE, FEW = "starnet_dual_pyramid_rcf", 224, 2
CASES = {
    "as it is": {},
    "as it is, `train.gradient_checkpointing: true`": {"anew": True},
    "weights written down": {"materialised": True},
}
ASKED = 0.1
"""Share of what written-down weights take that attention may take."""
GB = 1e9


def written_down(self: SelfAttention, tokens: Tensor) -> Tensor:
    """Attention as `nn.MultiheadAttention` computes it with `need_weights=True`: (B, H, N, N) weights are kept."""
    split = self.query_key_value(tokens).unflatten(2, (3, self.heads, self.head_width)).permute(2, 0, 3, 1, 4)
    query, key, value = split.unbind()
    weights = (query @ key.transpose(2, 3) / math.sqrt(self.head_width)).softmax(dim=3)
    return self.out((weights @ value).transpose(1, 2).flatten(2))


def network(*, materialised: bool = False, anew: bool = False) -> nn.Module:
    """The encoder in training mode."""
    if materialised:
        SelfAttention.forward = written_down
    torch.manual_seed(0)
    model = build_backbone(NAME).train()
    if anew:
        model.set_grad_checkpointing()
    return model


def step(model: nn.Module, batch: int) -> None:
    """Forward and backward; what an optimizer keeps is little beside it: 3.6 million numbers twice."""
    model(torch.randn(batch, 3, SIDE, SIDE)).square().mean().backward()


def peak_of(case: str, batch: int) -> float:
    """GB that the step needs above what the process had before."""
    model = network(**CASES[case])
    step(model, 1)
    release_memory()
    peak = PeakMemory(torch.device("cpu"))
    step(model, batch)
    most = peak.read()
    return (most - peak.before) / GB if most and peak.before else math.nan


def peak_in_process(case: str, batch: int) -> float:
    """As `peak_of`, in a process of its own."""
    command = [sys.executable, __file__, "--case", case, "--batch", str(batch)]
    return float(
        json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
    )


def parts(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """What memory is told apart by; the last that was entered counts."""
    for name, module in model.named_modules():
        path = name.split(".")
        if path[-1] == "stem":
            yield "both stems", module
        if path[:2] == ["local_pyramid", "stages"] and len(path) == 4:
            yield f"local stage {int(path[2]) + 1}", module
        if path[0] == "adapters" and len(path) == 2:
            yield "adapters", module
        if isinstance(module, TransformerBlock):
            yield "attention", module.attention
            yield "multi-layer perceptrons of the Transformers", module.mlp


def kept(model: nn.Module, batch: int) -> dict[str, float]:
    """Part -> GB kept for the backward pass; a tensor that several parts keep counts once, parameters never."""
    inside, found, seen = ["the rest"], defaultdict[str, float](float), {p.data_ptr() for p in model.parameters()}

    def enter(name: str) -> Callable[..., None]:
        return lambda *_: inside.append(name)

    for name, module in parts(model):
        module.register_forward_pre_hook(enter(name))
        module.register_forward_hook(lambda *_: inside.pop() and None)

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            found[inside[-1]] += storage.nbytes() / GB
            alive.append(tensor)  # so that no other tensor takes its place in memory
        return tensor

    alive: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(torch.randn(batch, 3, SIDE, SIDE)).sum()
    return found


@contextmanager
def own_attention() -> Iterator[None]:
    """Within the context attention may be exchanged; after it is what it was."""
    former = SelfAttention.forward
    try:
        yield
    finally:
        SelfAttention.forward = former


def profile(batch: int) -> dict[str, tuple[float, float]]:
    """Part -> (GB kept as it is, GB kept with weights written down), measured on few images: it grows with them."""
    both: list[dict[str, float]] = []
    for materialised in (False, True):
        with own_attention():
            few = kept(network(materialised=materialised), FEW)
        both.append({name: amount * batch / FEW for name, amount in few.items()})
    return {name: (both[0][name], both[1].get(name, 0.0)) for name in sorted(both[0], key=lambda n: -both[0][n])}


def report(batch: int) -> tuple[list[str], dict[str, tuple[float, float]]]:
    """The lines of the file, and the profile."""
    env, cores = environment(), os.cpu_count()
    lines = [
        "# Memory of a training step of the dual pyramid",
        "",
        f"`python benchmarks/starnet_memory.py --batch {batch} --write`, {date.today()}.",
        f"{env['processor']}, {cores} cores, no GPU; Python {env['python']}, torch {env['packages']['torch']}.",
        f"`{NAME}`, {SIDE} px, batch {batch}, fp32.",
        "",
        "## Peak of a step",
        "",
        "Forward and backward, above what the process had before; each in a process of its own.",
        "",
        "| attention | GB | share of the last |",
        "| --- | --- | --- |",
    ]
    peaks = {case: peak_in_process(case, batch) for case in CASES}
    worst = peaks["weights written down"]
    lines += [f"| {case} | {peak:.2f} | {peak / worst:.2f} |" for case, peak in peaks.items()]
    lines += ["", "## Kept for the backward pass", "", "| part | GB as it is | GB with weights written down |"]
    found = profile(batch)
    lines += ["| --- | --- | --- |", *(f"| {name} | {own:.2f} | {other:.2f} |" for name, (own, other) in found.items())]
    sums = [sum(pair[i] for pair in found.values()) for i in (0, 1)]
    own, other = found["attention"]
    others = f"what is not attention keeps {sums[0] - own:.2f} either way."
    said = f"Attention keeps {own:.2f} GB in place of {other:.2f}; {others}"
    return [*lines, f"| all | {sums[0]:.2f} | {sums[1]:.2f} |", "", said], found


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--batch", type=int, default=32)
    arguments.add_argument("--case")
    arguments.add_argument("--write", action="store_true")
    given = arguments.parse_args()
    if given.case:
        print(json.dumps(peak_of(given.case, given.batch)))
        return
    lines, found = report(given.batch)
    print("\n".join(lines))
    if given.write:
        name = f"starnet-memory_{os.cpu_count()}-core-{platform.machine()}_{date.today()}.md"
        (Path(__file__).parent / "results" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    own, other = found["attention"]
    assert own <= ASKED * other, f"attention keeps {own:.2f} GB, more than a tenth of {other:.2f}"


if __name__ == "__main__":
    main()
