"""LoRA: matrices of low rank that learn beside weights which stay as they are.

Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022. W becomes W + alpha / r B A; B begins as 0.
"""

from typing import Annotated, Any, Literal

from pydantic import Field
from torch import nn

from sfumato.errors import InputError
from sfumato.models.extra import library
from sfumato.models.vlm.few_bits import make_whole
from sfumato.spec import Spec

Target = Literal["q", "k", "v", "o", "gate", "up", "down"]


class LoraSpec(Spec):
    """Which weights of the language model get a matrix beside them, and of which rank."""

    r: Annotated[int, Field(ge=1, le=1024)] = 8
    """Rank."""
    alpha: Annotated[float, Field(gt=0)] = 16.0
    """The matrix counts alpha / r times."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of its inputs switched off at random while training."""
    targets: Annotated[tuple[Target, ...], Field(min_length=1)] = ("q", "k", "v", "o")
    """Projections of each layer: queries, keys, values and output of attention; gate, up and down behind it."""
    adapter: Literal["merged", "kept"] | None = None
    """What the bundle holds: one set of weights, those of few bits in bf16 again; or the matrices beside the weights
    they were learnt for. None = kept beside weights of few bits, else merged."""


def add_lora(network: Any, spec: LoraSpec) -> None:
    """Put the matrices into the language model of a network; it gives what it gave until they learn.

    Raises:
        InputError: peft is not installed, or no layer has such projections.
    """
    peft = library("peft", "vlm", "model.lora")
    names = targets_in(network, spec)
    config = peft.LoraConfig(r=spec.r, lora_alpha=spec.alpha, lora_dropout=spec.dropout, target_modules=names)
    peft.inject_adapter_in_model(config, network)
    for name, parameter in network.named_parameters():
        if ".lora_" in name:
            parameter.data = parameter.data.float()  # what learns is not rounded, whatever stands beside it


def targets_in(network: Any, spec: LoraSpec) -> list[str]:
    """Names of the projections in the decoder; a tower of pictures may have some of the same name.

    Raises:
        InputError: There are none.
    """
    endings, decoder = tuple(f"{target}_proj" for target in spec.targets), network.get_decoder()
    within = {id(module) for module in decoder.modules()}
    modules = [(name, module) for name, module in network.named_modules() if id(module) in within]
    found = [name for name, module in modules if isinstance(module, nn.Linear) and name.endswith(endings)]
    lacking = [ending for ending in endings if not any(name.endswith(ending) for name in found)]
    if lacking:
        raise InputError(f"the language model has no {lacking[0]}", setting="model.lora.targets")
    return found


def merge(network: Any) -> None:
    """Add each matrix to the weight it stands beside, and take it away; every module is named as without LoRA.

    Weights of few bits are whole ones from then on, for they can't hold what was learnt beside them.
    """
    make_whole(network)
    layer = library("peft", "vlm", "model.lora").tuners.lora.Linear
    for name, module in list(network.named_modules()):
        if isinstance(module, layer):
            module.merge()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
            parent, _, own = name.rpartition(".")
            setattr(network.get_submodule(parent), own, module.get_base_layer())  # pyright: ignore
