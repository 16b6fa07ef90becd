"""Interpolation between a network as it was before its backbone learned and as it is after (WiSE-FT).

Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022, equation 1.
"""

from typing import Annotated, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from sfumato.errors import InputError
from sfumato.models.dual_encoder import DualEncoder
from sfumato.models.heads import CosineHeadSpec, MlpHeadSpec
from sfumato.models.network import Network, below_head
from sfumato.models.prototype_head import PrototypeHeadSpec
from sfumato.models.tower_lora import FACTOR
from sfumato.spec import Spec
from sfumato.training.parameters import scales
from sfumato.training.plan import Plan
from sfumato.training.settings import FROZEN

Tensors = dict[str, Tensor]
Alpha = Annotated[float, Field(ge=0, le=1)]
SETTING = "train.interpolate"


class InterpolateSpec(Spec):
    """Weights between the pretrained and the best ones, swept after the last step; kept if they score higher.

    The start is the network when its backbone begins to learn: pretrained, with the head trained so far. A linear head
    that is new then gives way to class means of the features, scaled to the training part.
    """

    alphas: tuple[Alpha, ...] = (0.0, 0.2, 0.4, 0.6, 0.8)
    """Shares of the best weights that are tried: 0 = the start. 1, the best weights themselves, is tried in any case,
    and is kept unless another scores higher."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.alphas or list(self.alphas) != sorted(set(self.alphas)):
            raise ValueError(f"{list(self.alphas)}; expected different numbers, rising")
        if self.alphas == (1.0,):
            raise ValueError("has no effect: 1 is the best weights themselves; expected a number below 1")
        return self

    @property
    def swept(self) -> tuple[float, ...]:
        """What is tried, 1 included."""
        return tuple(sorted({*self.alphas, 1.0}))


@torch.no_grad()
def interpolated(start: Tensors, best: Tensors, alpha: float) -> Tensors:
    """(1 - alpha) start + alpha best, on the CPU; at 0 and 1 these very weights. Whole numbers are the best's between.

    Computed in double precision. Of LoRA, which adds B A to a weight and starts with a B of 0, A is the best's: what is
    added is then alpha B A, and the weights that come of it lie where they should.
    """
    if alpha in (0.0, 1.0):
        return {name: tensor.detach().cpu() for name, tensor in (best if alpha else start).items()}
    from_ = {name: tensor if name.endswith(FACTOR) else start[name] for name, tensor in best.items()}
    return {name: _between(from_[name].detach().cpu(), tensor.detach().cpu(), alpha) for name, tensor in best.items()}


def backbone_begins(plan: Plan, model: Network) -> int | None:
    """The first step that moves a parameter of the backbone; None = none does."""
    names = [name for name, _ in model.named_parameters() if below_head(name)]
    for change in plan.learn:
        if any(scale != FROZEN for scale in scales(names, change.value, change.setting, now=False).values()):
            return _first_to_see(plan, change.begin)
    return None


def begins_with_new_head(plan: Plan, step: int) -> bool:
    """Whether the head that stands when the backbone begins to learn is random, having learned nothing."""
    moment = plan.clock.epoch_at(step)
    head = plan.head_at(moment)
    started = isinstance(head, CosineHeadSpec) and head.start != "random"
    return not started and _first_to_see(plan, plan.head_begins(moment)) == step


def refuse_idle_interpolation(plan: Plan, model: Network) -> None:
    """Refuse an interpolation that has no two networks of one make to lie between.

    Raises:
        InputError: Nothing of the backbone learns, a head comes after it began to, or a new one can't be begun.
    """
    step = backbone_begins(plan, model)
    if step is None:
        raise InputError("has no effect: nothing below the head learns", setting=SETTING, mend="leave it out")
    moment = plan.clock.epoch_at(step)
    later = [change for change in plan.heads if change.begin > moment]
    if later:
        what = f"the head that comes at epoch {later[0].begin:g} has no weights to start from at {moment:g}"
        mend = "let the backbone learn from then on, or leave it out"
        raise InputError(f"{what}, when the backbone begins to learn", setting=SETTING, mend=mend)
    head = plan.head_at(moment)
    if isinstance(model, DualEncoder) and model.meets:
        return
    if isinstance(head, MlpHeadSpec | PrototypeHeadSpec) and begins_with_new_head(plan, step):
        what = f"the {head.kind} head is random when the backbone begins to learn, and class means can't begin one"
        raise InputError(what, setting=SETTING, mend="freeze the backbone for the first epochs, or take a linear head")


def _first_to_see(plan: Plan, moment: float) -> int:
    """The first step for which a change at a moment holds, which is by comparison of two rounded numbers."""
    step = plan.clock.first_step(moment)
    return step if plan.clock.epoch_at(step) >= moment else step + 1


def _between(start: Tensor, best: Tensor, alpha: float) -> Tensor:
    if not best.is_floating_point():
        return best
    return ((1 - alpha) * start.double() + alpha * best.double()).to(best.dtype)
