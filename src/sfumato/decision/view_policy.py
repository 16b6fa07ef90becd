"""The policy of a network whose pictures are looked at in several views: fitted on what the average says."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.averaging import averaged, averaged_familiarity
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.multilabel_fit import fit_multilabel
from sfumato.decision.policies import AnyPolicy
from sfumato.decision.policy_fit import fit_policy, fit_views
from sfumato.multilabel_predictions import AnyPredictions, MultilabelPredictions
from sfumato.predictions import Predictions

ByView = Mapping[str, AnyPredictions]
"""Name of a view -> what is said of the same samples in it; the plain view first."""


def fit_view_policy(
    said: ByView | None, spec: DecisionSpec, train_counts: NDArray[np.int64], *, multilabel: bool = False
) -> AnyPolicy:
    """As `fit_policy`, on the mean of the views' probabilities; of the plain view alone it is `fit_policy`.

    Args:
        said: Of validation samples; None = there are none, so nothing is fitted.
        spec: What the recipe asks for.
        train_counts: (C,) training images of each class.
        multilabel: Whether a sample may be of several classes: then as `fit_multilabel`.
    """
    tables = () if said is None else tuple(said.values())
    if multilabel:
        return fit_multilabel(tuple(t for t in tables if isinstance(t, MultilabelPredictions)), spec, len(train_counts))
    of_one = tuple(table for table in tables if isinstance(table, Predictions))
    return fit_views(of_one, spec, train_counts) if of_one else fit_policy(None, spec, train_counts)


def average_views(said: ByView, policy: AnyPolicy) -> AnyPredictions:
    """One table: the average of the views under the policy; of the plain view alone its own."""
    first = next(iter(said.values()))
    if len(said) == 1:
        return first
    logits = averaged(np.stack([table.logits for table in said.values()]), policy)
    if isinstance(first, MultilabelPredictions):
        return replace(first, logits=logits)
    near = [table.familiarity for table in said.values() if isinstance(table, Predictions)]
    return replace(first, logits=logits, familiarity=averaged_familiarity(near))
