"""The losses a recipe can name; each gives one term a class and sample, which `reduce` weighs and averages."""

from typing import Annotated

from pydantic import Tag

from sfumato.losses.asymmetric import AsymmetricSpec
from sfumato.losses.binary_cross_entropy import BinaryCrossEntropySpec
from sfumato.losses.cross_entropy import CrossEntropySpec
from sfumato.losses.element_margin import ElementMarginSpec
from sfumato.losses.focal import FocalSpec
from sfumato.losses.logit_adjusted import BalancedSoftmaxSpec, LogitAdjustedSpec
from sfumato.losses.prototype_contrast import PrototypeContrastSpec
from sfumato.losses.tail_focal import TailFocalSpec
from sfumato.losses.unicl import UniclSpec
from sfumato.spec import kind_or

OneClass = (
    CrossEntropySpec
    | FocalSpec
    | TailFocalSpec
    | LogitAdjustedSpec
    | BalancedSoftmaxSpec
    | UniclSpec
    | ElementMarginSpec
)
"""Losses of images of one class each."""
Multilabel = CrossEntropySpec | FocalSpec | BinaryCrossEntropySpec | AsymmetricSpec | PrototypeContrastSpec
"""Losses of images of any number of classes each."""
Loss = OneClass | Multilabel

LossSpec = Annotated[
    Annotated[CrossEntropySpec, Tag("cross_entropy")]
    | Annotated[FocalSpec, Tag("focal")]
    | Annotated[TailFocalSpec, Tag("tail_focal")]
    | Annotated[LogitAdjustedSpec, Tag("logit_adjusted")]
    | Annotated[BalancedSoftmaxSpec, Tag("balanced_softmax")]
    | Annotated[BinaryCrossEntropySpec, Tag("binary_cross_entropy")]
    | Annotated[AsymmetricSpec, Tag("asymmetric")]
    | Annotated[UniclSpec, Tag("unicl")]
    | Annotated[PrototypeContrastSpec, Tag("prototype_contrast")]
    | Annotated[ElementMarginSpec, Tag("element_margin")],
    kind_or("cross_entropy"),
]
