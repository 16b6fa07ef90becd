"""LoRA on the towers of a dual encoder: matrices of low rank that learn beside weights which stay as they are.

Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022. W becomes W + alpha / r B A; B begins as 0.

CLIP's attention holds queries, keys and values in one parameter of torch's `MultiheadAttention`, beside which no layer
can stand. peft (0.21) adds B A to it before each pass and subtracts it afterwards, so that weights which are to stay as
they are drift with rounding, and are another parameter each time than the one an optimiser knows. Here the sum is a
parametrisation of torch's, and the weight itself is never written to. Queries, keys and values have a pair of matrices
each, as in CLIP-LoRA (Zanella & Ben Ayed, CVPR 2024 workshops).
"""

import math
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sfumato.errors import InputError
from sfumato.spec import Spec

FACTOR = ".lora_A"
"""How the names of the factors end that are not 0 at first."""
Tower = Literal["image", "text"]
Layers = Literal["attention", "mlp"]


class TowerLoraSpec(Spec):
    """Which weights of the towers get matrices beside them, and of which rank; named `*.lora_*`."""

    r: Annotated[int, Field(ge=1, le=1024)] = 8
    """Rank."""
    alpha: Annotated[float, Field(gt=0)] = 16.0
    """The matrices count alpha / r times."""
    towers: Annotated[tuple[Tower, ...], Field(min_length=1)] = ("image",)
    """Which towers; classes that were not trained on rely on a text tower that stays as it is."""
    layers: Annotated[tuple[Layers, ...], Field(min_length=1)] = ("attention", "mlp")
    """Queries, keys, values and output of attention; and all other linear layers."""


class LowRank(nn.Module):
    """W -> W + alpha / r B A, for each of the parts W consists of.

    Args:
        weight: W, (parts * outputs, inputs).
        parts: Matrices that stand one below the other in it: 3 where it makes queries, keys and values.
        spec: Rank and alpha.
    """

    def __init__(self, weight: Tensor, parts: int, spec: TowerLoraSpec) -> None:
        super().__init__()
        outputs, inputs = weight.shape[0] // parts, weight.shape[1]
        self.lora_A = nn.Parameter(torch.empty(parts, spec.r, inputs))
        self.lora_B = nn.Parameter(torch.zeros(parts, outputs, spec.r))
        for own in self.lora_A:
            nn.init.kaiming_uniform_(own, a=math.sqrt(5))
        self._factor = spec.alpha / spec.r

    def forward(self, weight: Tensor) -> Tensor:
        """(parts * outputs, inputs) -> the same."""
        kind = "cpu" if weight.is_meta else weight.device.type
        with torch.autocast(kind, enabled=False):
            return weight + self._factor * (self.lora_B @ self.lora_A).flatten(0, 1)


def add_lora(towers: dict[Tower, nn.Module], spec: TowerLoraSpec) -> None:
    """Put matrices beside the weights of the towers that the spec names; they give what they gave until those learn.

    Raises:
        InputError: A tower has no such layers.
    """
    for tower in spec.towers:
        found = list(_weights_in(towers[tower], spec.layers))
        for kind in spec.layers:
            if not any(own == kind for own, *_ in found):
                what = f"the {tower} encoder has no linear layers" + (" of attention" if kind == "attention" else "")
                raise InputError(what, setting="model.lora", expected="a transformer, such as a ViT")
        for _, module, name, parts in found:
            parametrize.register_parametrization(module, name, LowRank(getattr(module, name), parts, spec))


def merge_lora(model: nn.Module) -> None:
    """Add the matrices to the weights they stand beside, and take them away; all is named as without LoRA."""
    for module, name, _ in list(_beside(model)):
        parametrize.remove_parametrizations(module, name, leave_parametrized=True)


@contextmanager
def without_lora(model: nn.Module) -> Generator[None]:
    """Within the context the weights stand alone, named as without LoRA; then the same matrices beside them again."""
    taken = list(_beside(model))
    for module, name, _ in taken:
        parametrize.remove_parametrizations(module, name, leave_parametrized=False)
    try:
        yield
    finally:
        for module, name, beside in taken:
            parametrize.register_parametrization(module, name, beside)


def _beside(model: nn.Module) -> Iterator[tuple[nn.Module, str, LowRank]]:
    """Each module with the name of its weight and what stands beside it."""
    for module in list(model.modules()):
        if parametrize.is_parametrized(module):
            for name, several in cast(nn.ModuleDict, module.parametrizations).items():
                own = cast(nn.ModuleList, several)[0]
                if isinstance(own, LowRank):
                    yield module, name, own


def _weights_in(tower: nn.Module, layers: tuple[Layers, ...]) -> Iterator[tuple[Layers, nn.Module, str, int]]:
    """(kind, module, name of its weight, parts) of every linear map in a tower."""
    everything = list(cast("Iterable[tuple[str, nn.Module]]", tower.named_modules()))
    within = {id(part) for _, one in everything if isinstance(one, nn.MultiheadAttention) for part in one.children()}
    for name, module in everything:
        attends = "attn" in name or "attention" in name
        kind: Layers = "attention" if attends or id(module) in within else "mlp"
        if kind not in layers:
            continue
        if isinstance(module, nn.MultiheadAttention):
            yield kind, module, "in_proj_weight", 3
        elif isinstance(module, nn.Linear):
            yield kind, module, "weight", 3 if name.endswith("qkv") else 1
