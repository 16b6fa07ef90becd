"""How the samples of a training are drawn, beside what the timeline says of it."""

from dataclasses import dataclass

from sfumato.data.sampling import SamplerMix


@dataclass(frozen=True)
class Draws:
    """What the stream of batches depends on, but for the plan."""

    seed: int
    """Of the run."""
    mix: SamplerMix = "power"
    """How draws go from natural to balanced."""
    views: int | None = None
    """Augmented pictures of each image that recur; None = each draw is augmented anew."""
