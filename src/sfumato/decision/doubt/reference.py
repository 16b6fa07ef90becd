"""The reference of a network: what it made of training pictures, by which it is told how familiar another one is.

A network with several tasks has one for each; a bundle of several networks those of each network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.doubt.knn import Knn, fit_knn
from sfumato.decision.doubt.mahalanobis import Mahalanobis, fit_mahalanobis
from sfumato.errors import InputError
from sfumato.tasks import of_task

Measure = Literal["mahalanobis", "knn"]
"""How familiarity is measured."""
Reference = Mahalanobis | Knn
References = Mapping[str, Reference]
"""Task -> the reference of one network."""
NO_REFERENCES: References = MappingProxyType({})
"""Familiarity is not measured."""
Arrays = Mapping[str, NDArray[np.float32]]

_KINDS: dict[Measure, type[Mahalanobis] | type[Knn]] = {"mahalanobis": Mahalanobis, "knn": Knn}


def fit_reference(by: Measure, features: NDArray[np.floating], truth: NDArray[np.int64]) -> Reference:
    """The reference that (N, D) features of training samples of (N,) known classes give, N at least 2."""
    return fit_mahalanobis(features, truth) if by == "mahalanobis" else fit_knn(features)


def references_to_arrays(networks: Sequence[References]) -> dict[str, NDArray[np.float32]]:
    """`NETWORK.ARRAY`, of several tasks `NETWORK.ARRAY.TASK`, -> array, which `references_from_arrays` reads back."""
    return {
        _name(place, name, task): array
        for place, references in enumerate(networks)
        for task, reference in references.items()
        for name, array in reference.to_arrays().items()
    }


def references_from_arrays(
    arrays: Arrays, by: Mapping[str, Measure], networks: int, width: int, where: str
) -> tuple[References, ...]:
    """Those of each network.

    Args:
        arrays: As `references_to_arrays` names them.
        by: Task -> its measure.
        networks: How many there are.
        width: Features of a picture, D, that the networks have.
        where: Names the file in errors.

    Raises:
        InputError: Arrays of other networks or tasks, of another measure, or not of D features.
    """
    parts = {(place, task): _parts(place, task, measure) for place in range(networks) for task, measure in by.items()}
    wanted = {name for names in parts.values() for name in names.values()}
    if odds := wanted ^ set(arrays):
        odd = min(odds)
        raise InputError(f"damaged: {odd} is {'missing' if odd in wanted else 'of no network or task'}", where=where)
    found: tuple[dict[str, Reference], ...] = tuple({} for _ in range(networks))
    for (place, task), names in parts.items():
        mine = {part: arrays[name] for part, name in names.items()}
        found[place][task] = _read(by[task], mine, width, where)
    return found


def _read(by: Measure, arrays: Arrays, width: int, where: str) -> Reference:
    reference = _KINDS[by].from_arrays(arrays, where)
    if reference.width != width:
        raise InputError(f"damaged: {reference.width} features", where=where, expected=f"{width}, as the network has")
    return reference


def _parts(place: int, task: str, by: Measure) -> dict[str, str]:
    """Array -> the name it is stored by."""
    return {field.name: _name(place, field.name, task) for field in fields(_KINDS[by])}


def _name(place: int, array: str, task: str) -> str:
    return of_task(f"{place}.{array}", task)
