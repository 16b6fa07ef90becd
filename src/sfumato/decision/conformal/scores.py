"""How little each label suits a sample: what is compared with the calibration samples' own labels.

Shapes: N samples, C classes. Scores are deterministic: the same picture always gets the same set. The random form of
APS (its U), which would leave out the last label of a set by chance, is not offered.
"""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, Tag

from sfumato.metrics.finite import refuse_not_finite
from sfumato.spec import Spec, kind_or

Floats = NDArray[np.float64]


class Lac(Spec):
    """1 - p: the smallest sets on average, some of them empty where no label is likely.

    Sadinle, Lei and Wasserman, Least Ambiguous Set-Valued Classifiers with Bounded Error Levels, JASA 2019.
    """

    kind: Literal["lac"] = "lac"

    def scores(self, probabilities: Floats) -> Floats:
        """(N, C), 0 to 1, less suiting better."""
        refuse_not_finite(probabilities=probabilities)
        return 1 - probabilities


class Aps(Spec):
    """The probability of all labels that are likelier: sets grow where a sample is hard, and none is empty.

    Romano, Sesia and Candes, Classification with Valid and Adaptive Coverage, NeurIPS 2020: labels, likeliest first, up
    to the one with which their probability reaches a level (eq. 3); a label is among them where those before it do not
    reach it. Were its own probability counted too, as with U = 1, then of a network that errs less than alpha the
    surest samples would have empty sets and all others nearly every label.
    """

    kind: Literal["aps"] = "aps"

    def scores(self, probabilities: Floats) -> Floats:
        """(N, C), 0 to 1, less suiting better."""
        return _ranked(probabilities, 0.0, 0)


class Raps(Spec):
    """APS with a penalty on every label beyond the first few, so that no set is very large.

    Angelopoulos et al., Uncertainty Sets for Image Classifiers using Conformal Prediction, ICLR 2021.
    """

    kind: Literal["raps"] = "raps"
    penalty: Annotated[float, Field(ge=0, le=10)] = 0.01
    """Added for each label beyond `free`; 0 = APS."""
    free: Annotated[int, Field(ge=0)] = 5
    """Labels of a set that cost nothing."""

    def scores(self, probabilities: Floats) -> Floats:
        """(N, C), less suiting better."""
        return _ranked(probabilities, self.penalty, self.free)


AnyScore = Lac | Aps | Raps
Score = Annotated[
    Annotated[Lac, Tag("lac")] | Annotated[Aps, Tag("aps")] | Annotated[Raps, Tag("raps")],
    kind_or("lac"),
]


def _ranked(probabilities: Floats, penalty: float, free: int) -> Floats:
    """Probability above each label and its penalty; of equally likely labels the one of lower index comes first."""
    refuse_not_finite(probabilities=probabilities)
    order = np.argsort(-probabilities, axis=1, kind="stable")
    mass = np.zeros_like(probabilities)
    np.take_along_axis(probabilities, order, axis=1)[:, :-1].cumsum(axis=1, out=mass[:, 1:])
    beyond = np.maximum(0, np.arange(1, len(probabilities.T) + 1) - free)
    found = np.empty_like(mass)
    np.put_along_axis(found, order, mass + penalty * beyond, axis=1)
    return found
