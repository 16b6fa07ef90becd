"""What a recipe says of one class an image, where an image may be of several; and the other way round."""

from collections.abc import Iterator

from sfumato.errors import InputError
from sfumato.losses.loss import Multilabel, OneClass
from sfumato.metrics.classification import SCORES
from sfumato.metrics.label_scores import LABEL_SCORES
from sfumato.models.prototype_head import PrototypeHeadSpec
from sfumato.training.job import TrainSpec
from sfumato.training.plan import Plan
from sfumato.training.schedules import PlateauSpec

ONE, SEVERAL = "an image is of one class here", "an image may be of several classes here"


def refuse_unfit(train: TrainSpec, plan: Plan, *, multilabel: bool) -> None:
    """Refuse losses, corrections and scores that have no meaning for how many classes an image may have.

    Raises:
        InputError: With the recipe path of the setting, and what fits in its place.
    """
    fits, why, losses = (Multilabel, SEVERAL, _LABEL_LOSSES) if multilabel else (OneClass, ONE, _ONE_CLASS_LOSSES)
    for change in plan.losses:
        if not isinstance(change.value, fits):
            raise InputError(f"{change.value.kind}, and {why}", setting=change.setting, expected=losses)
    scores = LABEL_SCORES if multilabel else tuple(SCORES)
    for setting, score in _scores(train):
        if score not in {*scores, "loss"}:
            raise InputError(f"{score}, and {why}", setting=setting, expected=", ".join(scores))
    if multilabel:
        _refuse_one_class(train, plan)


_LABEL_LOSSES = "binary_cross_entropy, focal, asymmetric or, of a dual encoder, prototype_contrast"
_ONE_CLASS_LOSSES = "cross_entropy, focal, tail_focal, logit_adjusted, balanced_softmax, unicl or element_margin"


def _scores(train: TrainSpec) -> Iterator[tuple[str, str]]:
    """Recipe path -> score, of all that go by one."""
    yield "train.select", train.select
    if train.stop is not None and train.stop.monitor is not None:
        yield "train.stop.monitor", train.stop.monitor
    if isinstance(train.schedule, PlateauSpec):
        yield "train.schedule.monitor", train.schedule.monitor


def _refuse_one_class(train: TrainSpec, plan: Plan) -> None:
    weigh = "weigh labels by the loss: {kind: binary_cross_entropy, pos_weight: balanced}"
    for change in plan.class_weights:
        if change.value is not None:
            raise InputError(f"weighs an image by its class, and {SEVERAL}", setting=change.setting, mend=weigh)
    for change in plan.centre_losses:
        if change.value is not None:
            what = f"draws an image to the centre of one class, and {SEVERAL}"
            raise InputError(what, setting=change.setting, mend="leave it out")
    power = plan.tracks["sampler_power"]
    if any(power.values):
        setting = f"timeline[{power.segments[0].keyframe}].sampler_power"
        raise InputError(f"draws an image by how rare its class is, and {SEVERAL}", setting=setting, mend=weigh)
    by_texts = isinstance(plan.heads[0].value, PrototypeHeadSpec)
    told = [("distill", "a teacher that names one class teaches")]
    told += [] if by_texts else [("interpolate", "interpolation is tried")]
    for name, what in told:
        if getattr(train, name) is not None:
            raise InputError(f"{what} images of one class alone, and {SEVERAL}", setting=f"train.{name}")
