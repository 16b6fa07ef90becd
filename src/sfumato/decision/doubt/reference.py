"""The reference of a network: what it made of training pictures, by which it is told how familiar another one is.

A network with several tasks has one for each; a bundle of several networks those of each network.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.doubt.knn import Knn, fit_knn
from sfumato.decision.doubt.mahalanobis import Mahalanobis, fit_mahalanobis
from sfumato.errors import InputError

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
    """`NETWORK/TASK/ARRAY` -> array, which `references_from_arrays` reads back."""
    return {
        f"{place}/{task}/{name}": array
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
    prefixes = [f"{place}/{task}/" for place in range(networks) for task in by]
    strange = next((name for name in arrays if not name.startswith(tuple(prefixes))), None)
    if strange is not None:
        raise InputError(f"damaged: array {strange!r}", where=where, expected=f"names such as {prefixes[0]}ARRAY")
    found = tuple(
        {task: _reference(arrays, measure, f"{place}/{task}/", where) for task, measure in by.items()}
        for place in range(networks)
    )
    for reference in (one for references in found for one in references.values()):
        if reference.width != width:
            raise InputError(f"damaged: {reference.width} features", where=where, expected=f"{width}, as the networks")
    return found


def _reference(arrays: Arrays, measure: Measure, prefix: str, where: str) -> Reference:
    mine = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    return _KINDS[measure].from_arrays(mine, where)
