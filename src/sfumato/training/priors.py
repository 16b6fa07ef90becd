"""The class prior a training implies: how much more the largest class counts than the rarest, all corrections in."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sfumato.data.sampling import SamplerMix, draw_chances
from sfumato.losses.class_weights import class_weights
from sfumato.losses.logit_adjusted import BalancedSoftmaxSpec, LogitAdjustedSpec, log_prior
from sfumato.losses.unicl import UniclSpec
from sfumato.training.plan import Plan
from sfumato.training.settings import Settings

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PriorPhase:
    """A stretch of training with one effective prior."""

    begin: float
    """Epoch."""
    natural: float
    """Images of the class that has most over those of the rarest that has any."""
    effective: float
    """The same of what the network's logits learn."""
    by: tuple[str, ...]
    """What corrects it, as a person names it."""

    @property
    def text(self) -> str:
        """One line: from epoch 18, largest to rarest class 100 : 1 -> 1 : 1 by logit_adjusted."""
        since = f"from epoch {round(self.begin, 2):g}, largest to rarest class {_ratio(self.natural)}"
        return f"{since} -> {_ratio(self.effective)} by {' and '.join(self.by)}" if self.by else f"{since}, uncorrected"


def priors(plan: Plan, counts: NDArray[np.int64], names: tuple[str, ...], mix: SamplerMix) -> list[PriorPhase]:
    """The effective prior wherever it changes; arguments as for `effective_prior`."""
    found: list[PriorPhase] = []
    for moment in plan.moments():
        settings = plan.at(min(plan.clock.first_step(moment), plan.steps - 1))
        phase = _phase(moment, settings, counts, effective_prior(settings, counts, names, mix))
        if not found or (phase.by, _ratio(phase.effective)) != (found[-1].by, _ratio(found[-1].effective)):
            found.append(phase)
    return found


def _phase(moment: float, settings: Settings, counts: NDArray[np.int64], prior: Floats) -> PriorPhase:
    largest = int(counts.argmax())
    rarest = int(np.where(counts > 0, counts, counts.max() + 1).argmin())
    natural, effective = counts[largest] / counts[rarest], prior[largest] / max(prior[rarest], 1e-12)
    return PriorPhase(moment, float(natural), float(effective), tuple(_named(settings)))


def _named(settings: Settings) -> Iterator[str]:
    """Every correction at a step with its strength."""
    if settings.sampler_power > 0:
        yield f"sampler_power {settings.sampler_power:.3g}"
    if settings.class_weights is not None:
        yield f"class_weights {settings.class_weights.kind}"
    if isinstance(settings.loss, UniclSpec):
        yield "unicl, which takes what each batch holds out of it"
    if adjustment(settings):
        yield settings.loss.kind + ("" if adjustment(settings) == 1 else f" tau {adjustment(settings):g}")


def _ratio(share: float) -> str:
    def number(value: float) -> str:
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

    return f"{number(share)} : 1" if share >= 1 or number(1 / share) == "1" else f"1 : {number(1 / share)}"


def effective_prior(settings: Settings, counts: NDArray[np.int64], names: tuple[str, ...], mix: SamplerMix) -> Floats:
    """(C,) shares, summing to 1, that the classes have in what the network's own logits learn.

    Drawing multiplies a class's share of the images by how often each is drawn, class weights multiply it again, and
    a logit-adjusted loss takes tau times the logarithm of the prior out of it. UniCL adds the logarithm of how many
    images of a class the batch holds, whatever draws them, so that the logits need not.

    Args:
        settings: Of a step.
        counts: (C,) training images.
        names: The C classes.
        mix: How draws go from natural to balanced.
    """
    evened = isinstance(settings.loss, UniclSpec)
    prior = np.ones(len(counts)) if evened else draw_chances(counts, settings.sampler_power, mix)
    images = torch.from_numpy(counts.astype(np.float32))
    if settings.class_weights is not None:
        prior = prior * class_weights(settings.class_weights, images, names).double().numpy()
    tau = adjustment(settings)
    if tau:
        prior = prior * np.exp(-tau * log_prior(images).double().numpy())
    return prior / prior.sum()


def adjustment(settings: Settings) -> float:
    """The tau of a logit-adjusted loss; 0 for any other."""
    if isinstance(settings.loss, BalancedSoftmaxSpec):
        return 1.0
    return settings.loss.tau if isinstance(settings.loss, LogitAdjustedSpec) else 0.0


def corrections(settings: Settings) -> tuple[str, ...]:
    """Tracks that correct the class prior at a step; what is drawn makes no difference to one that goes by batches."""
    by_batch = isinstance(settings.loss, UniclSpec)
    found = {
        "sampler_power": settings.sampler_power > 0 and not by_batch,
        "class_weights": settings.class_weights is not None,
        "loss": adjustment(settings) > 0 or by_batch,
    }
    return tuple(name for name, there in found.items() if there)
