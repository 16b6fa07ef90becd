"""Layers of a language model whose weights are held in 4 or 8 bits, and are made whole each time they are used.

They do not learn; gradients go through them to what stands beside them (Dettmers et al., QLoRA, NeurIPS 2023). What
they compute is what a layer of bf16 computes whose weights were rounded so, on every device.
"""

from types import ModuleType
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from sfumato.models.vlm import int8, nf4

FewBits = Literal["nf4", "int8"]
COMPUTED_IN = torch.bfloat16
_FORMS: dict[FewBits, ModuleType] = {"nf4": nf4, "int8": int8}


class FewBitsLinear(nn.Linear):
    """A linear layer of frozen weights; `weight` and `scales` are buffers, as the form packs them.

    Args:
        inputs: Of the layer.
        outputs: Of the layer.
        form: How weights are held.
        bias: (outputs,); None = there is none.
    """

    form: FewBits

    def __init__(self, inputs: int, outputs: int, form: FewBits, bias: nn.Parameter | None = None) -> None:
        nn.Module.__init__(self)  # no weights of their own are made
        self.in_features, self.out_features, self.form = inputs, outputs, form
        packed, scales = _FORMS[form].empty(outputs, inputs)
        self.register_buffer("weight", packed)
        self.register_buffer("scales", scales)
        self.register_parameter("bias", bias)

    @property
    def numbers(self) -> int:
        """Weights it holds."""
        return self.in_features * self.out_features

    def plain(self) -> Tensor:
        """(outputs, inputs) bf16, its weights as they are computed with."""
        return _FORMS[self.form].unpack(self.weight, self.scales, COMPUTED_IN)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # as nn.Linear calls it
        """(..., inputs) -> (..., outputs) bf16."""
        made = cast(Tensor, _Product.apply(input.to(COMPUTED_IN), self))
        bias = cast(Tensor | None, self.bias)
        return made if bias is None else made + bias


class _Product(torch.autograd.Function):
    """x W': the whole weights are made anew in the backward pass, and never kept for it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: FewBitsLinear) -> Tensor:
        ctx.layer = layer
        return x @ layer.plain().T

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] @ ctx.layer.plain(), None


def hold_in_few_bits(network: Any, form: FewBits, *, filled: bool) -> None:
    """Hold the projections of a network's language model so; all else stays as it is, what is written with it too.

    Args:
        network: A causal vision-language model of transformers.
        form: How they are held.
        filled: Whether with the weights they have; else with zeros, where others are to be loaded.
    """
    decoder = network.get_decoder()
    for name, layer in list(decoder.named_modules()):
        if type(layer) is nn.Linear:
            held = FewBitsLinear(layer.in_features, layer.out_features, form, layer.bias)
            if filled:
                held.load_state_dict(_packed(layer.weight, form), strict=False)
            _put(decoder, name, held.to(layer.weight.device))


def packed_for(network: Any, plain: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights by the names they have without LoRA, those that a network holds in few bits as it holds them."""
    found = dict(plain)
    for name, layer in network.named_modules():
        own = f"{name.removesuffix('.base_layer')}.weight"
        if isinstance(layer, FewBitsLinear) and own in plain:
            weight, scales = _packed(plain[own], layer.form).values()
            found |= {own: weight, f"{own.removesuffix('weight')}scales": scales}
    return found


def make_whole(network: Any) -> None:
    """Hold all weights in bf16 from now on, those that were of few bits as they were computed with."""
    for name, layer in list(network.named_modules()):
        if isinstance(layer, FewBitsLinear):
            whole = nn.Linear(layer.in_features, layer.out_features, bias=False, dtype=COMPUTED_IN)
            whole.weight = nn.Parameter(layer.plain(), requires_grad=False)
            whole.bias = layer.bias
            _put(network, name, whole)


def numbers(model: nn.Module) -> int:
    """Weights of a model, those in few bits too."""
    few = sum(layer.numbers for layer in model.modules() if isinstance(layer, FewBitsLinear))
    return few + sum(parameter.numel() for parameter in model.parameters())


def _packed(weight: Tensor, form: FewBits) -> dict[str, Tensor]:
    packed, scales = cast(tuple[Tensor, Tensor], _FORMS[form].pack(weight))
    return {"weight": packed, "scales": scales}


def _put(network: Any, name: str, layer: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, layer)
