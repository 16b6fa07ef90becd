"""ZS-LP: a linear probe from the class texts on, with nothing that holds it there but how long it learns.

Paper and equations in `from_prototypes`.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch

from sfumato.ladders.rungs.from_prototypes import STEPS, probed
from sfumato.ladders.rungs.rung import Rung
from sfumato.ladders.rungs.shots import Fitted, Shots

KEPT = (10, 30, 100, STEPS)
"""Steps after which the probe is tried."""


def fit_linear_probe(shots: Shots, steps: int = STEPS) -> Fitted:
    """The probe after so many steps; 0 = zero-shot."""
    *_, last = probed(shots, torch.zeros(len(shots.prototypes_ce), dtype=torch.float64), steps)
    return replace(last, settings={"steps": float(steps)})


def _fit(shots: Shots) -> Iterator[Fitted]:
    path = list(probed(shots, torch.zeros(len(shots.prototypes_ce), dtype=torch.float64)))
    for steps in KEPT:
        yield replace(path[min(steps, len(path) - 1)], settings={"steps": float(steps)})


LINEAR_PROBE = Rung("zs_lp", "ZS-LP", _fit)
