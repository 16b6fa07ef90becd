"""What training does at one step: the timeline's value at that moment, and nothing else."""

from dataclasses import dataclass

from sfumato.data.mixing import Mixing
from sfumato.losses.centre import CentreLossSpec
from sfumato.losses.class_weights import ClassWeights
from sfumato.losses.loss import Loss
from sfumato.models.heads import Head

FROZEN = 0.0
"""Learning-rate scale of parameters that do not learn."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that may change while training runs, at one optimiser step; computed by `Plan.at`, applied by the loop."""

    step: int
    """Optimiser step, from 0."""
    epoch: int
    """Epoch the step belongs to, from 0."""
    lr: float
    """Learning rate of parameters whose scale in `learn` is 1, per optimiser step."""
    learn: tuple[tuple[str, float], ...]
    """(pattern over parameter names, learning-rate scale), first match wins; FROZEN = does not learn."""
    head: Head
    """What stands on the backbone."""
    head_lr: float
    """Learning-rate scale of the head's parameters: below 1 while a new head warms up."""
    batch_size: int
    """Images an optimiser step sees, over all processes and accumulated pieces."""
    image_size: int
    """Side of the square training images, pixels."""
    augment: float
    """Strength of augmentation, 0 (none) to 1 (as the recipe's `augment` says)."""
    sampler_power: float
    """Each image is drawn with weight 1 / (images of its class) ** power; 0 = natural, 1 = balanced."""
    loss: Loss
    """What is minimised."""
    class_weights: ClassWeights | None
    """How much the terms of each class count; None = all the same."""
    label_smoothing: float
    """Share of the target spread evenly over all classes, 0 to below 1."""
    mixing: Mixing
    """Mixup and CutMix."""
    teacher_forcing: float
    """Share of the labels a decoder is shown that are the true ones, 0 to 1."""
    centre_loss: CentreLossSpec | None
    """What draws features to the centre of their class; None = nothing."""
    ema_decay: float
    """Decay of the moving average of the weights, per step; 0 = off."""
    averaging: bool
    """Whether weights of the ends of epochs are averaged (SWA)."""
