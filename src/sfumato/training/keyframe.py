"""A keyframe: the values that some tracks have from a moment on."""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, Discriminator, Field, Tag

from sfumato.data.mixing import LEAST_ALPHA
from sfumato.losses.centre import CentreLossSpec
from sfumato.losses.class_weights import ClassWeightsSpec
from sfumato.losses.loss import LossSpec
from sfumato.models.heads import PictureHeadSpec
from sfumato.spec import Spec
from sfumato.training.averaging import SwaSpec
from sfumato.training.duration import DurationField, PositiveDurationField

Value = TypeVar("Value", int, float)
Shape = Literal["linear", "cosine"]


class Ramp(Spec, Generic[Value]):
    """A gradual change, from the value the track has to another."""

    to: Value
    """Value at the end of the ramp, held from there on."""
    over: PositiveDurationField
    """How long it takes."""
    shape: Shape = "linear"
    """`linear`, or `cosine`: slow at both ends."""


def _form(value: object) -> str:
    return "ramp" if isinstance(value, (dict, Ramp)) else "value"


def _switch(value: object) -> str:
    return "off" if isinstance(value, str) else "on"


def _no_tiny_alpha(value: float) -> float:
    if 0 < value < LEAST_ALPHA:
        raise ValueError(f"found {value:g}; expected 0 (off), or at least {LEAST_ALPHA}")
    return value


AboveZero = Annotated[float, Field(gt=0)]
Alpha = Annotated[float, Field(ge=0, le=1000), AfterValidator(_no_tiny_alpha)]
Share = Annotated[float, Field(ge=0, le=1)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
Pixels = Annotated[int, Field(ge=16, le=4096)]
_EITHER = Discriminator(_form)
AlphaOrRamp = Annotated[Annotated[Alpha, Tag("value")] | Annotated[Ramp[Alpha], Tag("ramp")], _EITHER]
AboveZeroOrRamp = Annotated[Annotated[AboveZero, Tag("value")] | Annotated[Ramp[AboveZero], Tag("ramp")], _EITHER]
ShareOrRamp = Annotated[Annotated[Share, Tag("value")] | Annotated[Ramp[Share], Tag("ramp")], _EITHER]
BelowOneOrRamp = Annotated[Annotated[BelowOne, Tag("value")] | Annotated[Ramp[BelowOne], Tag("ramp")], _EITHER]
PixelsOrRamp = Annotated[Annotated[Pixels, Tag("value")] | Annotated[Ramp[Pixels], Tag("ramp")], _EITHER]
_SWITCH = Discriminator(_switch)
ClassWeightsOrOff = Annotated[Annotated[Literal["off"], Tag("off")] | Annotated[ClassWeightsSpec, Tag("on")], _SWITCH]
CentreLossOrOff = Annotated[Annotated[Literal["off"], Tag("off")] | Annotated[CentreLossSpec, Tag("on")], _SWITCH]
Learn = Annotated[dict[str, AboveZero | Literal["frozen"]], Field(min_length=1)]


class Keyframe(Spec):
    """New values for some tracks from a moment on."""

    at: DurationField
    """Moment from which it counts, measured from the start of training."""
    learn: Learn | None = None
    """Pattern over parameter names -> learning-rate scale, or `frozen`; the first match wins and all must match."""
    head: PictureHeadSpec | None = None
    """Another head, which takes the place of the present one; `start` says what it begins from."""
    head_warmup: PositiveDurationField | None = None
    """How long the learning rate of a head that is new here rises from 0."""
    lr_scale: AboveZeroOrRamp | None = None
    """Multiplies the scheduled learning rate; above 0."""
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Images a step sees, over all processes and accumulated pieces; changes between epochs only."""
    image_size: PixelsOrRamp | None = None
    """Side of the training images in pixels, 16 to 4096; a ramp moves in steps of 32."""
    augment: ShareOrRamp | None = None
    """Strength of augmentation, 0 (none) to 1 (as the recipe's `augment` says)."""
    sampler_power: ShareOrRamp | None = None
    """Images are drawn with weight 1 / (images of their class) ** power, 0 to 1; changes between epochs only."""
    loss: LossSpec | None = None
    """What is minimised."""
    class_weights: ClassWeightsOrOff | None = None
    """How much the terms of each class count; `off` = all the same."""
    label_smoothing: BelowOneOrRamp | None = None
    """Share of the target spread evenly over all classes, 0 to below 1."""
    mixup_alpha: AlphaOrRamp | None = None
    """Beta parameter of mixup, from 0.01; 0 = off."""
    cutmix_alpha: AlphaOrRamp | None = None
    """Beta parameter of CutMix, from 0.01; 0 = off."""
    mix_probability: ShareOrRamp | None = None
    """Chance that a batch is mixed at all, 0 to 1."""
    cutmix_share: ShareOrRamp | None = None
    """Share of CutMix among mixed batches when mixup and CutMix are both on, 0 to 1."""
    teacher_forcing: ShareOrRamp | None = None
    """Share of the labels a decoder is shown that are the true ones and not its own, 0 to 1; only for models that write
    their answer label by label."""
    centre_loss: CentreLossOrOff | None = None
    """Draws features to the centre of their class, beside the loss; `off` = it does not."""
    ema_decay: BelowOne | None = None
    """Decay of the moving average of the weights, per step; 0 = off."""
    swa: SwaSpec | None = None
    """From here to the end: a learning rate of its own, and the average of the weights at the ends of epochs."""

    @property
    def tracks(self) -> tuple[str, ...]:
        """Names of the tracks it sets."""
        return tuple(name for name in Keyframe.model_fields if name != "at" and getattr(self, name) is not None)


START: dict[str, float] = {
    "lr_scale": 1.0,
    "batch_size": 32,
    "augment": 1.0,
    "sampler_power": 0.0,
    "label_smoothing": 0.0,
    "mixup_alpha": 0.0,
    "cutmix_alpha": 0.0,
    "mix_probability": 1.0,
    "cutmix_share": 0.5,
    "teacher_forcing": 1.0,
    "ema_decay": 0.0,
}
"""Value of each numeric track before its first keyframe; `image_size` starts at the backbone's own."""

BETWEEN_EPOCHS = ("batch_size", "sampler_power")
"""Tracks that decide what an epoch is made of, and so keep one value within it."""
