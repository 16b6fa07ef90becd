"""What a recipe asks of thresholds."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from sfumato.decision.shrinkage import SHRINKAGE
from sfumato.decision.thresholds.rules import FBeta, Rule
from sfumato.errors import InputError
from sfumato.spec import Spec

Name = Literal["f_beta", "youden", "equal_error", "least_cost"]


def _by_name(value: object) -> object:
    if value in ("precision_floor", "recall_floor"):
        expected = f"a mapping with its floor, such as {{kind: {value}, floor: 0.9}}"
        raise InputError(f"found {value!r}", setting="decision.thresholds.rule", expected=expected)
    return {"kind": value} if isinstance(value, str) else value


class ThresholdSpec(Spec):
    """From which probability on a class is the answer: of two it chooses, of more it withholds, of several at once it
    names each.
    """

    rule: Annotated[Rule, BeforeValidator(_by_name, json_schema_input_type=Name | Rule)] = FBeta()
    """What is best, of validation samples; its name alone where it needs no floor, such as `equal_error`. Of more than
    two classes, one an image, no `youden` and no `equal_error`: they say nothing of the answers that are given."""
    shrinkage: Annotated[float, Field(ge=0)] = SHRINKAGE
    """Of more than two classes: a class with n validation samples has n / (n + this) of its own threshold, and else the
    one that is best for all together."""
    positive: str | None = None
    """Of two classes, one an image, the one that is answered from its threshold on, and else the other; none = the
    rarer in training."""
