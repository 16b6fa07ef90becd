"""What a training will take: steps times their measured time, and what is looked at besides. Arithmetic alone."""

from collections.abc import Callable
from dataclasses import dataclass

from sfumato.training.dry_batch import StageCost, Timed
from sfumato.training.plan import Plan
from sfumato.training.reading_time import Look, ReadingTime


@dataclass(frozen=True)
class Measured:
    """What was measured on this machine."""

    stages: tuple[StageCost, ...]
    ask: Timed
    """The network asked for a batch of validation."""
    ask_images: int
    """Images of that batch."""
    reading: ReadingTime | None
    """None = there are no pictures yet."""


@dataclass(frozen=True)
class Amounts:
    """How much there is to do, besides the plan's steps."""

    pictures: int
    """Samples of all parts."""
    looked_at: int
    """Pictures the network is asked for without learning, over the whole training."""
    look: Look
    """As it is then shown them."""
    keep: float
    """Bytes of decoded pictures that may be kept."""
    workers: int
    """Processes that read pictures."""


@dataclass(frozen=True)
class Estimate:
    """What a training will take, about."""

    device: str
    precision: str
    workers: int
    measured: Measured
    learning: float
    """Seconds the network computes steps."""
    validating: float
    """Seconds it is asked without learning."""
    reading: float | None
    """Seconds that both wait for pictures; None = not measured, since there are none yet."""
    memory: int | None
    """Bytes at most: of the GPU, or on a CPU of the process, kept pictures included."""

    @property
    def seconds(self) -> float:
        """Of the whole training."""
        return self.learning + self.validating + (self.reading or 0.0)


def estimate(measured: Measured, amounts: Amounts, device: str, precision: str) -> Estimate:
    """Add up what steps and validation take, and what they wait for pictures."""
    time = measured.reading
    kept = min(1.0, amounts.keep / max(1.0, time.bytes * amounts.pictures)) if time else 0.0

    def waiting(computing: float, images: int, look: Look) -> float:
        """Without workers reading comes on top; with them only what is left when they are slower than the network."""
        if time is None:
            return 0.0
        reading = images * time.seconds(look, kept)
        return max(0.0, reading / amounts.workers - computing) if amounts.workers else reading

    learning = sum(cost.step.seconds * cost.stage.steps for cost in measured.stages)
    asking = measured.ask.seconds / measured.ask_images * amounts.looked_at
    waited = sum(_waited(cost, waiting) for cost in measured.stages) + waiting(asking, amounts.looked_at, amounts.look)
    kept_bytes = kept * amounts.pictures * time.bytes if time and device == "cpu" else 0.0
    known = [cost.memory for cost in measured.stages if cost.memory is not None]
    memory = max(known) + round(kept_bytes) if known else None
    reading = None if time is None else waited
    return Estimate(device, precision, amounts.workers, measured, learning, asking, reading, memory)


def looked_at(plan: Plan, train: int, val: int, *, refreshes: bool) -> int:
    """Pictures the network is asked for without learning: validation of every set of weights, and SWA's statistics.

    Args:
        plan: Of the training.
        train: Training samples.
        val: Validation samples.
        refreshes: Whether batch norms take their statistics anew for averaged weights.
    """
    total, averages = 0, False
    for epoch, after in enumerate(plan.clock.starts[1:]):
        takes = plan.averaging is not None and plan.averaging.takes(epoch)
        averages = averages or takes
        total += val * (1 + (plan.at(after - 1).ema_decay > 0) + averages) + train * (takes and refreshes)
    return total


def _waited(cost: StageCost, waiting: Callable[[float, int, Look], float]) -> float:
    stage = cost.stage
    look = (stage.settings.image_size, stage.settings.augment)
    return stage.steps * waiting(cost.step.seconds, stage.images, look)
