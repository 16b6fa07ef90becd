"""From which familiarity on a picture is taken for one of those the model knows."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.decision.conformal.rank import most_below
from sfumato.decision.doubt.reference import Measure
from sfumato.metrics.finite import refuse_not_finite
from sfumato.spec import Spec
from sfumato.stored import read_stored, stored

Share = Annotated[float, Field(ge=0, le=1)]


class FamiliarSpec(Spec):
    """When a picture is too strange to be answered, however sure the network is of it."""

    by: Measure
    """How far its features, the input of the head, are from those of training pictures; in units of how far pictures
    of a class spread around their mean (`mahalanobis`), or from the nearest training picture (`knn`). Only the
    direction of features counts."""
    refused: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Share of pictures like those of validation that may be taken for strange ones; above 0, below 1."""


@stored
@dataclass(frozen=True)
class Familiar:
    """A picture is familiar where its score is at least `threshold`."""

    threshold: float | None
    """On the scale of the score; None = too few samples to refuse any."""
    refused: Share
    """Share of known pictures that may be taken for strange ones."""
    samples: Annotated[int, Field(ge=0)]
    """Validation samples it was fitted on."""
    by: Measure
    """How familiarity is measured."""

    def accepts(self, familiarity: NDArray[np.floating]) -> NDArray[np.bool_]:
        """(N,) whether each is familiar."""
        refuse_not_finite(familiarity=familiarity)
        return np.full(len(familiarity), True) if self.threshold is None else familiarity >= self.threshold

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "Familiar":
        """Read what `to_dict` made, before or after JSON; `where` names it in errors."""
        return read_stored(cls, document, "a threshold of familiarity", where)


def fit_familiar(familiarity: NDArray[np.floating], spec: FamiliarSpec) -> Familiar:
    """The threshold below which a known picture falls with a chance of at most `refused`, whatever the scores are.

    It is the k-th lowest of n scores with k = floor((n + 1) refused): a conformal test, exact for finite samples
    (Bates et al., Testing for Outliers with Conformal p-Values, Annals of Statistics 2023). No strange picture is
    needed, and none of the training ones may be among them: those are nearer.

    Args:
        familiarity: (N,) of validation samples.
        spec: What the recipe asks for.
    """
    refuse_not_finite(familiarity=familiarity)
    rank = most_below(len(familiarity), spec.refused)
    threshold = float(np.sort(familiarity)[rank - 1]) if rank else None
    return Familiar(threshold, spec.refused, len(familiarity), spec.by)
