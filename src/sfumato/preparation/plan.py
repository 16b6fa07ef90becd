"""From a recipe to its plan, and to how pictures become what the network is shown."""

from sfumato.data.preprocess import Preprocess
from sfumato.decision.named import corrected_later
from sfumato.losses.cross_entropy import CrossEntropySpec
from sfumato.losses.loss import Loss
from sfumato.losses.prototype_contrast import PrototypeContrastSpec
from sfumato.losses.unicl import UniclSpec
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.models.family import Family, expected_of
from sfumato.recipe.checks import refuse_idle_checkpoints
from sfumato.recipe.schema import Recipe
from sfumato.training.contradictions import refuse_contradictions
from sfumato.training.given_weights import with_read_weights
from sfumato.training.plan import Plan, make_plan


def plan_of(recipe: Recipe, samples: int) -> tuple[Plan, Preprocess]:
    """The plan of a training on so many samples, and the preprocessing of validation and prediction.

    Raises:
        InputError: Contradictions that are not accepted, or checkpoints that would never be written.
    """
    wanted = expected_of(recipe.model)
    plan = make_plan(
        recipe.timeline,
        recipe.train.schedule,
        base_lr=recipe.train.optimizer.lr,
        epochs=recipe.train.epochs,
        samples=samples,
        image_size=wanted.image_size,
        head=recipe.model.head,
        loss=_usual_loss(recipe.model),
    )
    refuse_contradictions(plan, recipe.train.accept, later=corrected_later(recipe.decision))
    refuse_idle_checkpoints(recipe.train, plan.clock)
    interpolation = recipe.preprocess.interpolation or wanted.interpolation
    return plan, Preprocess(plan.final_size, recipe.preprocess.fit, interpolation, wanted.mean, wanted.std)


def _usual_loss(model: Family) -> Loss:
    """The loss where the timeline names none."""
    if not isinstance(model, DualEncoderSpec):
        return CrossEntropySpec()
    return UniclSpec() if model.head.midpoint is None else PrototypeContrastSpec()


def with_given_weights(recipe: Recipe) -> Recipe:
    """The same recipe, class weights that it names as files read."""
    return recipe.model_copy(update={"timeline": with_read_weights(recipe.timeline)})
