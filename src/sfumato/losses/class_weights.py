"""Class weights: how much the terms of each class count."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field, Tag
from torch import Tensor

from sfumato.errors import InputError, nearest_name
from sfumato.spec import Spec, kind_or

MeanOver = Literal["weights", "samples"]


class _Weighing(Spec):
    mean_over: MeanOver = "weights"
    """What a batch's sum is divided by: its `weights`, as torch does, or its `samples`."""


class _Computed(_Weighing):
    cap: Annotated[float, Field(gt=1)] | None = 50.0
    """Most that one class may weigh against another; none = no limit."""


class InverseFrequencySpec(_Computed):
    """Weights 1 / n^power."""

    kind: Literal["inverse_frequency"] = "inverse_frequency"
    power: Annotated[float, Field(gt=0, le=2)] = 1.0
    """1 = inverse frequency, 0.5 = its square root."""

    def raw(self, counts: Tensor) -> Tensor:
        """(C,) images, above 0 -> (C,) weights of any scale."""
        return counts**-self.power


class EffectiveNumberSpec(_Computed):
    """Cui et al., Class-Balanced Loss, CVPR 2019, eq. 2: weights (1 - beta) / (1 - beta^n)."""

    kind: Literal["effective_number"] = "effective_number"
    beta: Annotated[float, Field(ge=0, lt=1)] = 0.9999
    """0 = all classes weigh the same; towards 1 = inverse frequency."""

    def raw(self, counts: Tensor) -> Tensor:
        """(C,) images, above 0 -> (C,) weights of any scale."""
        return (1 - self.beta) / -torch.expm1(counts * torch.tensor(self.beta, dtype=counts.dtype).log())


class GivenWeightsSpec(_Weighing):
    """Weights of your own."""

    kind: Literal["given"] = "given"
    weights: Annotated[dict[str, Annotated[float, Field(ge=0)]], Field(min_length=1)]
    """Class -> weight; all classes, in any scale."""


class FileWeightsSpec(_Weighing):
    """Weights of your own, from a file; a run keeps them as `given`."""

    kind: Literal["file"] = "file"
    file: Annotated[str, Field(min_length=1)]
    """A CSV file with the columns class and weight, relative to the recipe's folder."""


ClassWeightsSpec = Annotated[
    Annotated[InverseFrequencySpec, Tag("inverse_frequency")]
    | Annotated[EffectiveNumberSpec, Tag("effective_number")]
    | Annotated[GivenWeightsSpec, Tag("given")]
    | Annotated[FileWeightsSpec, Tag("file")],
    kind_or("inverse_frequency"),
]


ClassWeights = InverseFrequencySpec | EffectiveNumberSpec | GivenWeightsSpec | FileWeightsSpec


def class_weights(spec: ClassWeights, counts: Tensor, names: Sequence[str]) -> Tensor:
    """(C,) weights that sum to C; 0 for a class without image, which has no loss to weigh.

    Args:
        spec: How they are made; those in a file must have been read.
        counts: (C,) training images.
        names: The C classes.

    Raises:
        InputError: Given weights that are not those of the classes.
    """
    if isinstance(spec, FileWeightsSpec):
        raise TypeError("weights of a file are read before training")
    seen = counts > 0
    raw = torch.zeros(len(counts), dtype=torch.float64)
    if isinstance(spec, GivenWeightsSpec):
        raw[seen] = _in_order(spec.weights, names)[seen]
        if not raw.any():
            raise InputError("every class that has images weighs 0", expected="a weight above 0 for one of them")
    else:
        raw[seen] = spec.raw(counts[seen].double())
        raw = raw.clamp(max=math.inf if spec.cap is None else spec.cap * float(raw[seen].min()))
    return (raw * len(counts) / raw.sum()).float()


def _in_order(weights: Mapping[str, float], names: Sequence[str]) -> Tensor:
    for name in weights:
        if name not in names:
            raise InputError(f"a weight for {name!r}, which is no class", nearest=nearest_name(name, names))
    absent = next((name for name in names if name not in weights), None)
    if absent is not None:
        raise InputError(f"no weight for class {absent!r}", expected="a weight for every class")
    return torch.tensor([weights[name] for name in names], dtype=torch.float64)
