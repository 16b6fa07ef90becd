"""The calibrators: what they share, how each is fitted and how they are stored, told apart by `kind`."""

from dataclasses import asdict
from typing import Annotated, Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Tag

from sfumato.decision.calibration import Temperature, fit_temperature
from sfumato.decision.calibrators.beta import Beta, fit_beta
from sfumato.decision.calibrators.class_temperature import ClassTemperature, fit_class_temperature
from sfumato.decision.calibrators.isotonic import Isotonic, fit_isotonic
from sfumato.decision.calibrators.platt import Platt, fit_platt
from sfumato.decision.calibrators.vector_scaling import VectorScaling, fit_vector_scaling
from sfumato.errors import InputError
from sfumato.metrics.finite import refuse_not_finite
from sfumato.metrics.membership import Truth
from sfumato.spec import kind_or
from sfumato.stored import read_stored

Kind = Literal["temperature", "class_temperature", "vector_scaling", "platt", "isotonic", "beta"]


class Calibrator(Protocol):
    """What every kind does."""

    @property
    def fitted(self) -> bool:
        """False where there were too few samples; probabilities are then the model's own."""
        ...

    def probabilities(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N, C) probabilities from (N, C) logits; rows sum to 1 where classes exclude each other."""
        ...


AnyCalibrator = Temperature | ClassTemperature | VectorScaling | Platt | Isotonic | Beta
Stored = Annotated[
    Annotated[Temperature, Tag("temperature")]
    | Annotated[ClassTemperature, Tag("class_temperature")]
    | Annotated[VectorScaling, Tag("vector_scaling")]
    | Annotated[Platt, Tag("platt")]
    | Annotated[Isotonic, Tag("isotonic")]
    | Annotated[Beta, Tag("beta")],
    kind_or("temperature"),
]
"""The type of a stored field; one that does not say its kind is a temperature, as bundles have always held it."""

_FIT_BY_INDEX = {"temperature": fit_temperature, "vector_scaling": fit_vector_scaling}
_FIT = {"class_temperature": fit_class_temperature, "platt": fit_platt, "isotonic": fit_isotonic, "beta": fit_beta}


def fit_calibrator(kind: Kind, logits: NDArray[np.floating], truth: Truth) -> AnyCalibrator:
    """The calibrator of a kind; too few samples give an unfitted one.

    Args:
        kind: Which.
        logits: (N, C) of validation samples.
        truth: (N,) class indices; or (N, C) where a sample may be of several classes, some of them not known of it.

    Raises:
        InputError: A kind that needs classes which exclude each other, for classes that do not; a logit is not finite.
    """
    refuse_not_finite(logits=logits)
    if kind in _FIT:
        return _FIT[kind](logits, truth)
    if truth.ndim == 2:
        raise InputError(f"{kind} needs one class a sample", expected=" or ".join(_FIT))
    return _FIT_BY_INDEX[kind](logits, truth.astype(np.int64))


def calibrator_to_dict(calibrator: AnyCalibrator) -> dict[str, Any]:
    """JSON-ready form, which `calibrator_from_dict` reads back."""
    return asdict(calibrator)


def calibrator_from_dict(document: dict[str, Any], where: str) -> AnyCalibrator:
    """Read what `calibrator_to_dict` made, before or after JSON; `where` names it in errors.

    Raises:
        InputError: Not a calibrator of any kind.
    """
    return read_stored(cast(type[AnyCalibrator], Stored), document, "a calibrator", where)
