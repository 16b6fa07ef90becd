"""Losses that compare the pictures of a batch with each other, and so can't be computed in pieces of it."""

from sfumato.errors import InputError
from sfumato.losses.unicl import UniclSpec
from sfumato.training.plan import Plan


def refuse_pieces(plan: Plan, accumulate: int, processes: int) -> None:
    """Refuse batches in pieces, or shared by processes, where the loss needs all of a batch at once.

    Raises:
        InputError: With the loss that is the same in pieces.
    """
    if not any(isinstance(change.value, UniclSpec) for change in plan.losses):
        return
    mend = "lower batch_size, or minimise loss: {kind: cross_entropy}, whose negatives are the classes themselves"
    if accumulate > 1:
        what = f"{accumulate} pieces of a batch are not the batch to unicl, whose negatives are in it"
        raise InputError(what, setting="train.accumulate", mend=mend)
    if processes > 1:
        what = f"unicl compares all pictures of a batch, and {processes} processes share it"
        raise InputError(what, setting="timeline", mend="train with one, or minimise loss: {kind: cross_entropy}")
