"""What a recipe may say: the specs of all components, side by side."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from sfumato.data.augment import AnyAugmentSpec, AugmentSpec
from sfumato.data.preprocess import PreprocessSpec
from sfumato.data.source import DataSpec
from sfumato.data.views import ViewsSpec
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.models.family import FamilySpec
from sfumato.recipe.checks import refuse_ineffective
from sfumato.recipe.decision_checks import refuse_decision, refuse_narrowing
from sfumato.recipe.text_checks import refuse_unread
from sfumato.recipe.view_checks import refuse_unchosen_views, refuse_views
from sfumato.spec import Spec
from sfumato.training.job import TrainSpec
from sfumato.training.keyframe import Keyframe


class Recipe(Spec):
    """Everything about one training; YAML and Python are two spellings of it."""

    name: Annotated[str, Field(pattern=r"^\w[\w.-]*$", max_length=100)] = "run"
    """Name of the run's folder below `runs/`: letters, digits, `_`, `-` and `.`, a letter or digit first."""
    data: DataSpec = DataSpec()
    """Your pictures and their classes."""
    preprocess: PreprocessSpec = PreprocessSpec()
    """How a picture becomes a square, in training and afterwards."""
    augment: AnyAugmentSpec = AugmentSpec()
    """What may happen to a training picture."""
    model: FamilySpec
    """The network."""
    train: TrainSpec = TrainSpec()
    """How long, how fast, on what."""
    timeline: tuple[Keyframe, ...] = ()
    """What changes when."""
    views: ViewsSpec | None = None
    """Further ways in which a picture is looked at once the network is trained; none = each is looked at once."""
    decision: DecisionSpec = DecisionSpec()
    """How logits become decisions."""

    @model_validator(mode="after")
    def _no_idle_settings(self) -> Self:
        refuse_ineffective(
            columns=self.data.columns,
            split=self.data.split,
            preprocess=self.preprocess,
            augment=self.augment,
            model=self.model,
            train=self.train,
            timeline=self.timeline,
            decision=self.decision,
        )
        refuse_unread(self.model, self.augment, self.data.elements)
        refuse_decision(self.decision, self.views)
        refuse_narrowing(self.decision, self.data.elements)
        refuse_views(self.views, self.augment)
        if self.data.split.val == 0:
            refuse_unchosen_views(self.views, "data.split.val is 0")
        return self
