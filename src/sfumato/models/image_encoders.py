"""Other names of image encoders: as projects before called them, and what timm calls the same architecture."""

from typing import Annotated

from pydantic import AfterValidator, Field

TIMM_NAMES: dict[str, str] = {
    "vit": "vit_base_patch16_224",
    **{f"efficientnet-b{size}": f"efficientnet_b{size}" for size in range(8)},
    **{f"convnext-{size}": f"convnext_{size}" for size in ("tiny", "small", "base", "large")},
}
"""Name -> timm's. What is not in it stands for itself: resnet18 to resnet152, which timm calls so too, and the encoders
around StarNet, which are our own."""


def timm_name(name: str) -> str:
    """What timm calls an architecture."""
    return TIMM_NAMES.get(name, name)


BackboneName = Annotated[str, Field(min_length=1), AfterValidator(timm_name)]
