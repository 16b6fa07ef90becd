"""The references of a bundle, where its policies ask how familiar pictures are."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from sfumato.bundle.folder import REFERENCES, Bundle
from sfumato.decision.doubt.reference import References, references_from_arrays, references_to_arrays
from sfumato.decision.policies import AnyPolicy, measures
from sfumato.errors import InputError


def read_references(
    bundle: Bundle, policies: Mapping[str, AnyPolicy], width: int, where: str
) -> tuple[References, ...]:
    """Those of each network; empty ones where no policy asks.

    Args:
        bundle: Read by `read_bundle`.
        policies: Task -> its policy.
        width: Features of a picture, D, that the networks have.
        where: Names the bundle in errors.

    Raises:
        InputError: They are missing, of another kind or width, or there where nothing asks for them.
    """
    by = measures(policies)
    file = f"{where}/{REFERENCES}"
    if not by and bundle.references is None:
        return tuple({} for _ in bundle.members)
    if len(by) < len(policies) or bundle.references is None:
        what = "missing" if bundle.references is None else "damaged: not all policies ask for it"
        raise InputError(what, where=file, expected="it to be there if the policies withhold by familiarity")
    arrays = {name: tensor.numpy() for name, tensor in bundle.references.items()}
    return references_from_arrays(arrays, by, len(bundle.members), width, file)


def stored_references(networks: Sequence[References]) -> dict[str, Tensor] | None:
    """Those of each network as a bundle holds them; None where familiarity is not measured."""
    return {name: torch.from_numpy(array) for name, array in references_to_arrays(networks).items()} or None


def joined_references(bundles: Sequence[Bundle]) -> dict[str, Tensor] | None:
    """Those of bundles of one network each, as one bundle of all their networks holds them."""
    return {
        f"{place}.{name.partition('.')[2]}": array
        for place, bundle in enumerate(bundles)
        for name, array in (bundle.references or {}).items()
    } or None
