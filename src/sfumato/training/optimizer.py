"""The optimiser: one group of parameters for each way they are treated over the whole plan."""

from typing import Annotated, Any, Literal, cast

import torch
from pydantic import Field, Tag
from torch import Tensor, nn

from sfumato.models.extra import library
from sfumato.models.network import Network
from sfumato.spec import Spec, kind_or
from sfumato.training.parameters import scales
from sfumato.training.plan import Plan
from sfumato.training.settings import FROZEN, Settings

Rate = Annotated[float, Field(gt=0)]
AtLeastZero = Annotated[float, Field(ge=0)]
Beta = Annotated[float, Field(ge=0, lt=1)]


class AdamWSpec(Spec):
    """Adam with decoupled weight decay (Loshchilov & Hutter, ICLR 2019)."""

    kind: Literal["adamw"] = "adamw"
    lr: Rate = 1e-3
    """Learning rate after warm-up."""
    weight_decay: AtLeastZero = 0.01
    """Per step, weights shrink by this times the learning rate; biases, norms and position tables do not."""
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    """Memory of the gradient and of its square."""


class SgdSpec(Spec):
    """Stochastic gradient descent with Nesterov momentum."""

    kind: Literal["sgd"] = "sgd"
    lr: Rate = 0.1
    """Learning rate after warm-up."""
    weight_decay: AtLeastZero = 1e-4
    """Added to the gradient times the weight; biases, norms and position tables are left out."""
    momentum: Beta = 0.9
    """Memory of former gradients; 0 = none."""


class PagedAdamWSpec(AdamWSpec):
    """The same, what it remembers in 8 bits and in pages that leave a full GPU for the main memory.

    Dettmers et al., 8-bit Optimizers via Block-wise Quantization, ICLR 2022; pages as in QLoRA, NeurIPS 2023. By
    bitsandbytes, on CUDA alone.
    """

    kind: Literal["paged_adamw_8bit"] = "paged_adamw_8bit"  # pyright: ignore[reportIncompatibleVariableOverride]


OptimizerSpec = Annotated[
    Annotated[AdamWSpec, Tag("adamw")]
    | Annotated[PagedAdamWSpec, Tag("paged_adamw_8bit")]
    | Annotated[SgdSpec, Tag("sgd")],
    kind_or("adamw"),
]


def build_optimizer(spec: AdamWSpec | SgdSpec, model: Network, plan: Plan, *, fused: bool) -> torch.optim.Optimizer:
    """An optimiser over all parameters that ever learn; those frozen for now have no gradient, so it skips them.

    Parameters that have the same scale in every phase, and the same kind of weight decay, share a group.
    """
    names = [name for name, _ in model.named_parameters()]
    tables = [change.value for change in plan.learn]
    never = model.undecayed()
    by_table = [scales(names, change.value, change.setting, now=False) for change in plan.learn]
    groups: dict[tuple[object, ...], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        history = (name.startswith("head."), *(by_name[name] for by_name in by_table))
        if not any(history[1:]):
            continue
        decays = parameter.ndim > 1 and name not in never
        group = groups.setdefault(
            (history, decays),
            {"params": [], "names": [], "scales": dict(zip(tables, history[1:], strict=True)), "of_head": history[0]},
        )
        group["params"].append(parameter)
        group["names"].append(name)
        group["weight_decay"] = spec.weight_decay if decays else 0.0
    if isinstance(spec, PagedAdamWSpec):
        paged = library("bitsandbytes", "vlm", "train.optimizer").optim.PagedAdamW8bit
        return paged(list(groups.values()), lr=spec.lr, betas=spec.betas)
    if isinstance(spec, AdamWSpec):
        return torch.optim.AdamW(list(groups.values()), lr=spec.lr, betas=spec.betas, fused=fused)
    nesterov = spec.momentum > 0
    return torch.optim.SGD(list(groups.values()), lr=spec.lr, momentum=spec.momentum, nesterov=nesterov, fused=fused)


def apply_rates(optimizer: torch.optim.Optimizer, settings: Settings) -> None:
    """Set each group's learning rate for a step."""
    for group in optimizer.param_groups:
        scale = cast(dict[object, float], group["scales"]).get(settings.learn, FROZEN)
        group["lr"] = settings.lr * scale * (settings.head_lr if group["of_head"] else 1.0)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """All the optimiser remembers, by `parameter name/what`."""
    named = _named(optimizer)
    return {
        f"{name}/{what}": value if isinstance(value, Tensor) else torch.tensor(value)  # bitsandbytes counts in an int
        for name, parameter in named.items()
        for what, value in optimizer.state.get(parameter, {}).items()
        if isinstance(value, Tensor | int)
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Give back what `optimizer_tensors` took."""
    named = _named(optimizer)
    for key, value in tensors.items():
        name, what = key.rsplit("/", 1)
        parameter = named[name]
        if value.dtype == torch.int64 and value.ndim == 0:
            optimizer.state[parameter][what] = int(value)
            continue
        # fused kernels walk memory, so what belongs to each weight must lie as the weights lie
        like = torch.empty_like(parameter, dtype=value.dtype) if value.shape == parameter.shape else value.clone()
        optimizer.state[parameter][what] = like.detach().copy_(value).to(parameter.device)


def _named(optimizer: torch.optim.Optimizer) -> dict[str, nn.Parameter]:
    groups = optimizer.param_groups
    return {
        name: parameter for group in groups for name, parameter in zip(group["names"], group["params"], strict=True)
    }
