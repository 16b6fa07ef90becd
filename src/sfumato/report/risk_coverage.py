"""How wrong the answers are of which it is surest, for every share of the images, and where it stops answering.

Plain data; the curve is that of `metrics.selective`, which says where it comes from.
"""

from dataclasses import dataclass

import numpy as np

from sfumato.metrics.selective import least_aurc, risk_coverage
from sfumato.report.evidence import Measured
from sfumato.report.sure_words import SURE_BY

POINTS = 300
"""A curve of more points is thinned evenly to so many."""


@dataclass(frozen=True)
class Answering:
    """A share of the images that are answered, and how many of these answers are wrong; both 0 to 1."""

    coverage: float
    risk: float


@dataclass(frozen=True)
class RiskCoverageFrame:
    """The curve from the surest answer alone to all."""

    by: str
    """What tells how sure an answer is, in words: that which the policy withholds by."""
    points: tuple[Answering, ...]
    chosen: Answering | None
    """What is answered; None = nothing. It lies beside the curve where strange pictures are withheld too."""
    area: float
    """Under the curve of all points, the mean risk; 0 to 1."""
    least: float
    """What the area would be if every wrong answer were less sure than every right one."""
    error: float
    """Share of wrong answers where all are given: the area of a sureness that says nothing."""


def risk_coverage_frame(measured: Measured) -> RiskCoverageFrame | None:
    """The curve of a measurement; None where no answer is wrong, so that it lies on the axis."""
    verdicts, said, policy = measured.verdicts, measured.predictions, measured.policy
    correct = verdicts.predicted == said.truth
    if correct.all():
        return None
    curve = risk_coverage(policy.sureness(said.logits, verdicts, said.familiarity), correct)
    kept = np.unique(np.linspace(0, len(correct) - 1, min(POINTS, len(correct))).round().astype(np.int64))
    points = tuple(Answering(float(curve.coverage[row]), float(curve.risk[row])) for row in kept)
    given = ~verdicts.abstained
    chosen = Answering(float(given.mean()), float((~correct)[given].mean())) if given.any() else None
    least = least_aurc(len(correct), int((~correct).sum()))
    area, error = float(curve.risk.mean()), float((~correct).mean())
    return RiskCoverageFrame(SURE_BY[policy.by], points, chosen, area, least, error)
