"""Choosing the thresholds of a cascade by what all its ends cost, on samples that trained none of its stages."""

from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sfumato.cascades.learnt_prior import learnt_prior
from sfumato.cascades.looking import Said
from sfumato.cascades.measuring import Answers, last_verdicts, wanted_of
from sfumato.cascades.samples import Samples
from sfumato.cascades.stage import Stage
from sfumato.decision.dealing import deal
from sfumato.decision.end_costs import EndCosts, Ends, ends_of
from sfumato.decision.prior_shift import PriorShift
from sfumato.decision.route_fit import Chosen, fit_routes, gate_curve
from sfumato.decision.routes import Routes
from sfumato.decision.thresholds.answering import AnswerThresholds
from sfumato.errors import InputError
from sfumato.predict.cascade_stages import Stages
from sfumato.predictions import UNKNOWN
from sfumato.stored import read_stored, stored

FOLDS = 5
"""Samples are dealt into, so that what is chosen on some is tried on others."""


@stored
@dataclass(frozen=True)
class Tuned:
    """What was chosen, and what it costs."""

    costs: EndCosts
    share: float | None
    """Of samples with a product, at which they were weighed: as a person says, or as before samples were left out; None
    = as among these."""
    cost: float
    """Mean cost on the samples that chose: a selection score."""
    cross_fitted: float | None
    """Mean cost where the thresholds of each fold come from the others; None = too few samples."""
    all_pass: float
    """Mean cost if everything went on and every answer were given."""
    own: float | None
    """Mean cost at the gate's own threshold; None = there is no gate."""
    curve: tuple[tuple[float, float], ...]
    """(gate's threshold, mean cost), the other threshold being the chosen one."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "Tuned":
        """Read what `to_dict` made; `where` names it in errors."""
        return read_stored(cls, document, "how a cascade was tuned", where)


def shift_of(gate: Stage, going_on: str, share: float | None) -> PriorShift | None:
    """From the share that the gate was made for to that which it will meet; None = no other is named.

    Raises:
        InputError: No share between 0 and 1; a gate that makes up for another share already, or that says nothing of
            its own.
    """
    if share is None:
        return None
    if not 0 < share < 1:
        raise InputError(f"{share:g}", where="--share", expected="a share above 0 and below 1")
    if getattr(gate.policy, "shift", None) is not None:
        what = "its decision.priors make up for other frequencies already"
        raise InputError(what, where=gate.given, expected="--share, or decision.priors, and not both")
    prior, on = learnt_prior(gate), gate.bundle.labels.index(going_on)
    return PriorShift((float(prior[1 - on]), float(prior[on])), (1 - share, share))


def wanted_share(samples: Samples, stages: Stages) -> float | None:
    """Share of samples with a product among those of which it is known; None where all or none have one."""
    known = wanted_of(samples, stages)
    found = float((known == 1).sum() / max(1, (known != UNKNOWN).sum()))
    return found if 0 < found < 1 else None


def tune(said: Said, stages: Stages, costs: EndCosts, share: float | None) -> tuple[Routes, Tuned]:
    """The routes that cost least on samples of which it is known what they are, and what they cost.

    Raises:
        InputError: There is no such sample, or none of either kind that a gate tells apart.
    """
    known = wanted_of(said.samples, stages)
    here, wanted = said.only(known != UNKNOWN), known[known != UNKNOWN] == 1
    gated = stages.sides is not None
    if not wanted.any() or (gated and wanted.all()):
        what = "to stop" if wanted.any() else "with a product"
        mend = "other samples by --data"
        raise InputError(f"no sample {what} to choose thresholds by", where=here.samples.table.source, mend=mend)
    ends = _ends(here, wanted, stages, costs, share)
    chosen = fit_routes(ends, gated=gated)
    routes = replace(stages.routes, gate=chosen.gate, answer=chosen.answer)
    tuned = Tuned(
        costs,
        share,
        chosen.cost,
        _cross_fitted(ends, here, wanted, gated=gated),
        ends.mean_cost(0.0, 0.0),
        ends.mean_cost(own_threshold(stages), 0.0) if gated else None,
        tuple(gate_curve(ends, chosen.answer)) if gated else (),
    )
    return routes, tuned


def own_threshold(stages: Stages) -> float:
    """From which probability on the gate would let pictures through by itself, at the share that will be met."""
    gate = stages.of["gate"]
    thresholds = cast(AnswerThresholds | None, getattr(gate.policy, "thresholds", None))
    names, go = gate.labels.names, cast(str, stages.routes.go)
    own = 0.5
    if thresholds is not None and thresholds.positive is not None:
        value = float(thresholds.fitted.values[0])
        own = value if names[thresholds.positive] == go else 1 - value
    return float(stages.routes.going(np.array([own]))[0])


def _ends(here: Said, wanted: NDArray[np.bool_], stages: Stages, costs: EndCosts, share: float | None) -> Ends:
    last = last_verdicts(here, stages)
    answers = Answers(here, wanted, np.ones_like(wanted), last, last.abstained)
    return ends_of(
        costs,
        here.going,
        last.confidence,
        wanted=wanted,
        right=answers.right,
        withheld=last.abstained,
        elements=here.elements is not None,
        share=share,
    )


def _cross_fitted(ends: Ends, here: Said, wanted: NDArray[np.bool_], *, gated: bool) -> float | None:
    """Mean cost of every sample by thresholds that it did not choose."""
    if len(ends) < 4 * FOLDS:
        return None
    truth = np.where(wanted, here.samples.truth["products"] + 1, 0)
    fold, total = deal(truth, here.samples.groups, FOLDS), 0.0
    for held in range(FOLDS):
        mine = fold == held
        if not mine.any() or mine.all():
            return None
        chosen: Chosen = fit_routes(ends.only(~mine), gated=gated)
        part = ends.only(mine)
        total += part.mean_cost(chosen.gate, chosen.answer) * float(part.weights.sum())
    return total / float(ends.weights.sum())
