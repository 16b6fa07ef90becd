"""A loss over classes that share elements, where none do."""

from sfumato.data.table import Table
from sfumato.errors import InputError
from sfumato.losses.element_margin import ElementMarginSpec
from sfumato.metrics.elements import akin
from sfumato.training.plan import Plan


def refuse_without_elements(plan: Plan, table: Table) -> None:
    """Refuse the margin where no two classes share an element: it would be 0.

    Raises:
        InputError: With what says which elements classes show.
    """
    for change in plan.losses:
        if isinstance(change.value, ElementMarginSpec) and not any(
            akin(space).any() for space in table.layout.spaces.values()
        ):
            what = "has no effect: no two classes share an element"
            mend = "name a label file in data.labels whose classes say their `elements`"
            raise InputError(what, setting=change.setting, mend=mend)
