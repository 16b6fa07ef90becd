"""What a recipe says of a teacher and that would have no effect beside the rest of it, or no meaning."""

from collections.abc import Iterator

from sfumato.data.augment import AugmentSpec
from sfumato.errors import InputError
from sfumato.losses.cross_entropy import CrossEntropySpec
from sfumato.models.network import Network, below_head
from sfumato.training.distillation import DistillSpec
from sfumato.training.parameters import scales
from sfumato.training.plan import Plan
from sfumato.training.settings import FROZEN


def refuse_idle_teacher(spec: DistillSpec, plan: Plan, augment: AugmentSpec, model: Network) -> None:
    """Refuse a teacher that teaches nothing, and settings of the loss on labels where that does not count.

    Raises:
        InputError: With the recipe path of the setting.
    """
    if spec.weight == 0:
        if spec.features is None:
            raise _idle("train.distill.weight", "the teacher would teach nothing", "raise it, or set features")
        if "temperature" in spec.changed:
            raise _idle("train.distill.temperature", "train.distill.weight is 0", "raise that, or leave this out")
    if spec.weight == 1:
        for setting in _of_labels(plan):
            raise _idle(setting, "train.distill.weight is 1, so the loss on labels does not count", "leave it out")
    if spec.sees == "views":
        _refuse_views(plan, augment)
    if spec.features is not None:
        _refuse_features(plan, model)


def _of_labels(plan: Plan) -> Iterator[str]:
    """Recipe paths of what the timeline says of the loss on labels."""
    if any(plan.tracks["label_smoothing"].values):
        yield f"timeline[{plan.tracks['label_smoothing'].segments[0].keyframe}].label_smoothing"
    yield from (change.setting for change in plan.losses if change.value != CrossEntropySpec())
    yield from (change.setting for change in plan.class_weights if change.value is not None)


def _refuse_views(plan: Plan, augment: AugmentSpec) -> None:
    """Refuse views that are not the same in every epoch: a teacher is shown each once."""
    strength, setting = plan.tracks["augment"].steady, "train.distill.sees"
    if strength == 0:
        raise _idle(setting, "nothing is augmented, so every view is the picture", "leave it out")
    if augment.views is None:
        what, mend = "each draw is augmented anew, and a teacher can't be shown them all", "set augment.views"
        raise InputError(what, setting=setting, mend=mend)
    if strength is None:
        what = "the timeline's augment changes, and with it every view"
        raise InputError(what, setting=setting, mend="keep augment steady, or choose sees: picture")


def _refuse_features(plan: Plan, model: Network) -> None:
    setting = "train.distill.features"
    if any(any(plan.tracks[name].values) for name in ("mixup_alpha", "cutmix_alpha")):
        what = "the teacher was shown no mixed picture, and has no features of one"
        raise InputError(what, setting=setting, mend="turn mixup_alpha and cutmix_alpha to 0")
    names = [name for name, _ in model.named_parameters() if below_head(name)]
    tables = [scales(names, change.value, change.setting, now=False) for change in plan.learn]
    if all(scale == FROZEN for table in tables for scale in table.values()):
        raise _idle(setting, "nothing of the backbone ever learns", "leave it out")


def _idle(setting: str, why: str, mend: str) -> InputError:
    return InputError(f"has no effect: {why}", setting=setting, mend=mend)
