"""Learnt features of what is missing, that never learn."""

from torch import nn

from sfumato.errors import InputError
from sfumato.models.network import MISSING
from sfumato.training.parameters import scales
from sfumato.training.plan import Plan
from sfumato.training.settings import FROZEN


def refuse_idle_missing(plan: Plan, model: nn.Module) -> None:
    """Refuse features in the place of what is missing that no stage trains: they would stay zeros.

    Raises:
        InputError: None of them ever learns.
    """
    names = [name for name, _ in model.named_parameters() if name.startswith(f"{MISSING}.")]
    tables = [scales(names, change.value, change.setting, now=False) for change in plan.learn]
    if names and all(scale == FROZEN for table in tables for scale in table.values()):
        raise InputError(
            "what stands in for missing pictures and texts is learnt, and the timeline keeps it frozen",
            setting="model.missing",
            mend=f'let "{MISSING}.*": 1 learn, or choose kind: placeholder',
        )
