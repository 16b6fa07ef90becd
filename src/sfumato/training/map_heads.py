"""Heads that look at every place of a picture: where they can stand."""

from itertools import pairwise

from sfumato.errors import InputError
from sfumato.models.classifier import ModelSpec
from sfumato.models.family import Family
from sfumato.models.heads import reads_map
from sfumato.training.plan import Plan


def refuse_unfit_map_heads(plan: Plan, model: Family, *, multilabel: bool) -> None:
    """Refuse a head that looks at a map where there is none, or where an image is of one class.

    The backbone gives a map or its mean for the whole of a training: heads of both kinds can't follow each other.

    Raises:
        InputError: With the recipe path of the head.
    """
    for before, after in pairwise(plan.heads):
        if reads_map(before.value) != reads_map(after.value):
            one, other = (f"{kind} features" for kind in ("unpooled", "pooled"))
            what = f"{after.value.kind} looks at {one if reads_map(after.value) else other}, unlike the head before it"
            raise InputError(what, setting=after.setting, expected=f"another {before.value.kind} head, or one alone")
    for change in plan.heads:
        if not reads_map(change.value):
            continue
        if not isinstance(model, ModelSpec):
            what = f"{change.value.kind} looks at every place of a picture, and a {model.kind} model gives one vector"
            raise InputError(what, setting=change.setting, expected="linear, mlp or cosine")
        if not multilabel:
            what = f"{change.value.kind} is for images of several classes, and an image is of one class here"
            raise InputError(what, setting=change.setting, expected="linear, mlp or cosine")
