"""Short plans, for tests of what happens at one of their steps."""

from sfumato.models.heads import LinearHeadSpec
from sfumato.training.duration import parse
from sfumato.training.keyframe import Keyframe
from sfumato.training.plan import Plan, make_plan
from sfumato.training.schedules import ConstantSpec


def plan(*keyframes, epochs=4, samples=32, lr=0.1, image_size=32, head=None, schedule=None) -> Plan:
    """Of keyframes as mappings, as a recipe has them."""
    made = [Keyframe.model_validate({**keyframe, "at": parse(keyframe["at"])}) for keyframe in keyframes]
    return make_plan(
        made,
        schedule or ConstantSpec(),
        base_lr=lr,
        epochs=epochs,
        samples=samples,
        image_size=image_size,
        head=head or LinearHeadSpec(),
    )
