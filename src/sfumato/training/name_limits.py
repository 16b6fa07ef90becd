"""What a recipe asks of a model that names its classes, and such a model can't give."""

import torch

from sfumato.data.table import Table
from sfumato.errors import InputError
from sfumato.models.network import Network
from sfumato.models.vlm.network import Vlm
from sfumato.training.parameters import scales
from sfumato.training.plan import Plan
from sfumato.training.settings import FROZEN


def refuse_unfit_names(model: Network, plan: Plan, table: Table) -> None:
    """Refuse several classes a picture, and tables of what learns that no vision-language model should follow.

    Raises:
        InputError: With the recipe path of the setting, and what fits in its place.
    """
    if not isinstance(model, Vlm):
        return
    if table.layout.multilabel:
        what = "names one class, and an image may be of several classes here"
        raise InputError(what, setting="model.kind", expected="image, image_text or clip")
    names = {name: parameter.dtype for name, parameter in model.named_parameters()}
    for change in plan.learn:
        found = scales(names, change.value, change.setting, now=False)
        _refuse_learning({name for name, scale in found.items() if scale != FROZEN}, names, change.setting)


def _refuse_learning(learning: set[str], names: dict[str, torch.dtype], setting: str) -> None:
    """LoRA is there so that the weights beside it stay as they are, and bf16 is too coarse for small steps."""
    mend = 'learn: {"*.lora_*": 1, "*": frozen}, with "*.multi_modal_projector.*": 2 before it if that is to learn'
    beside = sorted(name for name in learning if ".base_layer." in name)
    if beside:
        raise InputError(f"LoRA stands beside {beside[0]}, which learns too", setting=setting, mend=mend)
    idle = any(".lora_" in name for name in names) and not any(".lora_" in name for name in learning)
    if idle:
        raise InputError("has no effect: none of it learns", setting="model.lora", mend=mend)
    coarse = sorted(name for name in learning if names[name] != torch.float32)
    if coarse:
        what = f"{coarse[0]} is held in bf16, where most small steps round to none"
        raise InputError(what, setting=setting, expected="model.base: fp32, or model.lora and only that learning")
