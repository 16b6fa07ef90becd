"""What takes CUDA and bitsandbytes, refused where they are not."""

from sfumato.errors import InputError
from sfumato.models.extra import library
from sfumato.models.family import Family
from sfumato.models.vlm.spec import VlmSpec
from sfumato.training.optimizer import OptimizerSpec, PagedAdamWSpec


def refuse_without_cuda(model: Family, optimizer: OptimizerSpec, device: str) -> None:
    """Refuse weights of 4 bits and a paged optimiser on other devices, and without bitsandbytes.

    Args:
        model: Of the recipe.
        optimizer: Of the recipe.
        device: That trains: `cuda`, `mps` or `cpu`.

    Raises:
        InputError: With what fits in their place, or the line that installs what is missing.
    """
    if isinstance(model, VlmSpec) and model.base == "nf4":
        _refuse("4 bits", "model.base", device, "bf16, or int8, which takes half of that")
    if isinstance(optimizer, PagedAdamWSpec):
        _refuse("pages", "train.optimizer", device, "kind: adamw")


def _refuse(what: str, setting: str, device: str, instead: str) -> None:
    if device != "cuda":
        raise InputError(f"{what} on {device}: training so takes CUDA", setting=setting, expected=instead)
    library("bitsandbytes", "vlm", setting)
