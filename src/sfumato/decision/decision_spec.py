"""What a recipe asks of decisions."""

from typing import Annotated, Literal

from pydantic import Field

from sfumato.decision.abstention import AbstainSpec
from sfumato.decision.calibrators.calibrator import Kind
from sfumato.decision.conformal.sets import ConformalSpec
from sfumato.decision.doubt.familiar import FamiliarSpec
from sfumato.decision.doubt.reference import Measure
from sfumato.decision.logit_adjustment import LogitAdjustmentSpec
from sfumato.decision.narrowing import NarrowSpec
from sfumato.decision.thresholds.threshold_spec import ThresholdSpec
from sfumato.spec import Spec

Frequency = Annotated[float, Field(gt=0)]
Cost = Annotated[float, Field(gt=0)]


class DecisionSpec(Spec):
    """How logits become decisions; everything here is fitted on validation samples after training."""

    calibration: Kind | Literal["none"] = "temperature"
    """`temperature` makes probabilities honest (one number, fitted on validation); the others fit something for each
    class, which is shrunk to what all classes share where samples are few; `none` leaves softmax as it is."""
    abstain: AbstainSpec | None = None
    """When to rather not answer; none = always answer."""
    familiar: FamiliarSpec | None = None
    """When a picture is too strange to be answered, whatever the answer; none = never."""
    logit_adjustment: LogitAdjustmentSpec | None = None
    """Whether rare classes are answered more readily than training made them; none = as it was trained. It corrects the
    frequency of the classes once; a sampler, weights or loss that did so in training leave nothing to correct."""
    priors: dict[str, Frequency] | None = None
    """Class -> how frequent it is where the bundle is used, of which only the ratios matter; none = as in training."""
    costs: dict[str, dict[str, Cost]] | None = None
    """True class -> answer -> what it costs, in any unit; what is not named costs 1, the right answer 0. The answer is
    then the one that is expected to cost least; none = the likeliest class."""
    misses: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Of an image of several classes, the share of them that its set of classes may lack, on average over images; none
    = no set is named beside the classes that reach their thresholds."""
    sets: ConformalSpec | None = None
    """Sets of classes that hold the truth as often as promised; none = a single class."""
    thresholds: ThresholdSpec | None = None
    """From which probability on one of two classes is answered; of more, from which on the likeliest is answered at
    all; none = the likeliest class always is. Where an image may be of several, from which on each is named; none =
    that of its greatest F1."""

    narrow: NarrowSpec | None = None
    """Whether classes that do not agree with the elements found in a picture (`data.elements`) are left out where these
    are sure enough; none = they are not."""

    @property
    def measure(self) -> Measure | None:
        """How the familiarity of pictures is measured; None = nothing asks for it."""
        if self.familiar is not None:
            return self.familiar.by
        by = None if self.abstain is None else self.abstain.by
        return by if by in ("mahalanobis", "knn") else None
