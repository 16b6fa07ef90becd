"""At which frequencies of its classes the probabilities of a gate are honest: those that its training made of them."""

from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sfumato.bundle.ensemble import Ensemble
from sfumato.cascades.stage import Stage
from sfumato.decision.calibrators.beta import Beta
from sfumato.decision.calibrators.isotonic import Isotonic
from sfumato.decision.calibrators.platt import Platt
from sfumato.decision.calibrators.vector_scaling import VectorScaling
from sfumato.decision.logit_adjustment import class_priors
from sfumato.decision.policy import Policy
from sfumato.document import parse_document
from sfumato.errors import InputError
from sfumato.evaluation.measuring import trained_counts
from sfumato.preparation.plan import plan_of, with_given_weights
from sfumato.recipe.load import load_recipe
from sfumato.training.priors import corrections, effective_prior

Floats = NDArray[np.float64]
_OFFSET = (Platt, Isotonic, Beta, VectorScaling)
"""Calibrators that move classes against each other, and so to the frequencies of the samples they were fitted on."""


def learnt_prior(gate: Stage) -> Floats:
    """(2,) shares, summing to 1, of the gate's classes at which its probabilities are honest.

    Those of its training images, unless these were drawn or weighed otherwise at the end of its training, or a
    logit-adjusted loss took the prior out: a temperature brings nothing of it back. Validation is taken to be as
    training was.

    Raises:
        InputError: It does not say how many images of each class it was trained on, or what became of them there.
    """
    counts = trained_counts(gate.bundle, "", gate.bundle.labels)
    if counts is None or not counts.all():
        what = "does not say how many pictures of each class it was trained on, which --share would correct"
        raise InputError(what, where=gate.given)
    policy = cast(Policy, gate.policy)
    if policy.calibrator.fitted and isinstance(policy.calibrator, _OFFSET):
        return class_priors(counts)
    prior = _trained(gate, counts)
    if policy.adjustment is not None:
        prior = prior * np.array(policy.adjustment.priors) ** -policy.adjustment.tau
    return prior / prior.sum()


def _trained(gate: Stage, counts: NDArray[np.int64]) -> Floats:
    """(2,) of what the network itself learnt; of an ensemble only where no member corrected anything."""
    names, where = gate.bundle.labels.names, f"{gate.given}/recipe.yaml"
    for leaf in gate.leaves:
        recipe = load_recipe(parse_document(leaf.recipe, where, Path()).settings).recipe
        plan, _ = plan_of(with_given_weights(recipe), max(1, int(counts.sum())))
        settings = plan.at(plan.steps - 1)
        if not isinstance(gate.bundle, Ensemble):
            return effective_prior(settings, counts, names, recipe.train.sampler)
        if corrections(settings):
            what = (
                f"a member's {corrections(settings)[0]} moved the frequencies it learnt, and which is left is unknown"
            )
            raise InputError(what, where=gate.given, expected="for --share, a single run or cross-validation")
    return class_priors(counts)
