"""The stages of a plan: stretches whose steps cost the same, since network, pictures and batches are alike."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from sfumato.training.plan import Plan
from sfumato.training.settings import Settings

_LOOKS = 100
"""Steps looked at between two moments of the plan; only a ramp of the image size has any difference there."""


@dataclass(frozen=True)
class Stage:
    """All steps with the same parameters that learn, head, image size and number of images."""

    begin: float
    """Epoch of the first of them."""
    settings: Settings
    """Of the first of them."""
    images: int
    """That a step sees."""
    steps: int

    @property
    def name(self) -> str:
        """For messages: from epoch 30, 256 px, 32 images a step."""
        return f"from epoch {round(self.begin, 2):g}, {self.settings.image_size} px, {self.images} images a step"


def stages(plan: Plan) -> list[Stage]:
    """Every stage once, in order of its begin."""
    found: dict[object, Stage] = {}
    for settings, steps in _stretches(plan):
        images = min(settings.batch_size, plan.samples)
        key = (settings.learn, settings.head, settings.image_size, images)
        new = Stage(plan.clock.epoch_at(settings.step), settings, images, 0)
        stage = found.get(key, new)
        found[key] = replace(stage, steps=stage.steps + steps)
    return list(found.values())


def _stretches(plan: Plan) -> Iterator[tuple[Settings, int]]:
    """Settings of a first step, and how many steps are taken to be like it."""
    ends = sorted({plan.clock.first_step(moment) for moment in plan.moments()} | {0, plan.steps})
    for first, after in pairwise(ends):
        stride = max(1, (after - first) // _LOOKS)
        for step in range(first, after, stride):
            yield plan.at(step), min(stride, after - step)
