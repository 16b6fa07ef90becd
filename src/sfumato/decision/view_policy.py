"""The policy of a network whose pictures are looked at in several views: fitted on what the average says."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.averaging import averaged, averaged_familiarity
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.policy import Policy
from sfumato.decision.policy_fit import fit_policy, fit_views
from sfumato.predictions import Predictions

ByView = Mapping[str, Predictions]
"""Name of a view -> what is said of the same samples in it; the plain view first."""


def fit_view_policy(said: ByView | None, spec: DecisionSpec, train_counts: NDArray[np.int64]) -> Policy:
    """As `fit_policy`, on the mean of the views' probabilities; of the plain view alone it is `fit_policy`.

    Args:
        said: Of validation samples; None = there are none, so nothing is fitted.
        spec: What the recipe asks for.
        train_counts: (C,) training images of each class.
    """
    return fit_policy(None, spec, train_counts) if said is None else fit_views(tuple(said.values()), spec, train_counts)


def average_views(said: ByView, policy: Policy) -> Predictions:
    """One table: the average of the views under the policy; of the plain view alone its own."""
    first = next(iter(said.values()))
    if len(said) == 1:
        return first
    familiarity = averaged_familiarity([table.familiarity for table in said.values()])
    logits = averaged(np.stack([table.logits for table in said.values()]), policy)
    return replace(first, logits=logits, familiarity=familiarity)
