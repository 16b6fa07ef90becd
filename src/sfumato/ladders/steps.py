"""The rungs in their order, each fitted, tried and held against the one that was kept before it."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sfumato.ladders.choosing import choose
from sfumato.ladders.judge import Judge
from sfumato.ladders.rungs.class_adaptive import CLASS_ADAPTIVE
from sfumato.ladders.rungs.linear_probe import LINEAR_PROBE
from sfumato.ladders.rungs.lp_plus_plus import LP_PLUS_PLUS
from sfumato.ladders.rungs.rung import Rung
from sfumato.ladders.rungs.shots import Fitted, Shots
from sfumato.ladders.rungs.tip_adapter import TIP_ADAPTER
from sfumato.ladders.rungs.zero_shot import ZERO_SHOT
from sfumato.metrics.ladder import Step

RUNGS = (ZERO_SHOT, TIP_ADAPTER, LINEAR_PROBE, CLASS_ADAPTIVE, LP_PLUS_PLUS)
"""From no training on, each costlier or freer than the one before."""


@dataclass(frozen=True)
class Part:
    """Pictures that rungs answer for."""

    features_ne: Tensor
    judge: Judge

    def logits(self, fitted: Fitted) -> NDArray[np.float32]:
        """(N, C) what a rung says of them."""
        return fitted.logits(self.features_ne).numpy().astype(np.float32)


@dataclass(frozen=True)
class Tried:
    """A rung with what it came to."""

    step: Step
    fitted: Fitted | None
    """Under the setting that all validation pictures chose; None = it was left out untried."""


def climb(shots: Shots, val: Part, test: Part | None, rungs: Iterable[Rung] = RUNGS) -> Iterator[Tried]:
    """Try each rung. One is kept if it scores higher than the one kept before it by more than its interval.

    Args:
        shots: To fit on.
        val: Pictures that choose settings and rungs.
        test: Pictures that are measured and choose nothing; None = there are none.
        rungs: The first is always kept.
    """
    standing: NDArray[np.float64] | None = None
    for rung in rungs:
        if rung.most_shots is not None and len(shots.features_ne) > rung.most_shots:
            why = f"{len(shots.features_ne):,} training pictures, and it is for at most {rung.most_shots:,}"
            yield Tried(Step(rung.name, rung.words, {}, None, None, False, None, 0.0, why), None)
            continue
        began = time.perf_counter()
        fitted = list(rung.fit(shots))
        choice = choose([val.logits(one) for one in fitted], val.judge)
        seconds, best = time.perf_counter() - began, fitted[choice.place]
        gain = None if standing is None else val.judge.further(choice.honest, standing)
        kept = gain is None or gain.low > 0
        standing = choice.honest if kept else standing
        measured = None if test is None else test.judge.interval(test.logits(best))
        found = (dict(best.settings), val.judge.interval(choice.honest), gain, kept, measured, seconds)
        yield Tried(Step(rung.name, rung.words, *found), best)
