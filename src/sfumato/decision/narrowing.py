"""Candidates narrowed by the elements that were found in a picture: only classes that agree with them can be answered.

Shapes: N samples, C classes, E elements.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.errors import InputError, nearest_name
from sfumato.labels import LabelSpace
from sfumato.metrics.finite import refuse_not_finite
from sfumato.spec import Spec
from sfumato.stored import stored

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Agree = Literal["any", "all"]
SETTING = "decision.narrow"


class NarrowSpec(Spec):
    """Answers only among classes that agree with the elements found, where these are sure enough."""

    agree: Agree = "any"
    """Which classes do: those of which `any` element was found, or those of which `all` were. A class that names no
    element agrees with all."""
    recall: Annotated[float, Field(gt=0, le=1)] = 0.99
    """Least share of the validation samples whose true class must remain; tau is the least that leaves so many."""
    tau: Annotated[float, Field(ge=0, le=1)] | None = None
    """Probability that exactly the found elements are shown, below which all classes remain; none = fitted."""


@dataclass(frozen=True, eq=False)
class SeenElements:
    """What was found in N pictures."""

    names: tuple[str, ...]
    """Of the E elements."""
    named: Bools
    """(N, E) whether each was found."""
    probabilities: Floats
    """(N, E) of each."""

    def only(self, rows: Sequence[int] | NDArray[np.integer]) -> "SeenElements":
        """Those of some pictures, in this order."""
        return SeenElements(self.names, self.named[rows], self.probabilities[rows])

    @property
    def sureness(self) -> Floats:
        """(N,) probability that exactly the found elements are shown, were they independent."""
        return np.where(self.named, self.probabilities, 1 - self.probabilities).prod(axis=1)


@stored
@dataclass(frozen=True)
class Narrowing:
    """The rule, as a bundle holds it."""

    agree: Agree
    tau: float
    """Sureness from which on candidates are narrowed; above 1 = never."""
    shows: tuple[tuple[str, ...], ...]
    """Elements of each of the C classes."""

    def kept(self, seen: SeenElements) -> Bools:
        """(N, C) which classes may be answered: all where elements are not sure enough, or no class agrees."""
        found = self.agreeing(seen)
        narrowed = (seen.sureness >= self.tau) & found.any(axis=1)
        return np.where(narrowed[:, None], found, True)

    def agreeing(self, seen: SeenElements) -> Bools:
        """(N, C) whether each class agrees with what was found, however sure that is; nothing found, all do."""
        shown = np.array([[name in own for name in seen.names] for own in self.shows], dtype=np.bool_)
        common = seen.named.astype(np.int64) @ shown.T.astype(np.int64)
        agrees = common > 0 if self.agree == "any" else common == shown.sum(axis=1)
        return agrees | ~shown.any(axis=1) | ~seen.named.any(axis=1, keepdims=True)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


def fit_narrowing(truth: NDArray[np.int64], seen: SeenElements, labels: LabelSpace, spec: NarrowSpec) -> Narrowing:
    """The rule with the least tau at which no more validation samples than allowed lose their true class.

    Args:
        truth: (N,) class indices of validation samples.
        seen: What was found in their pictures.
        labels: The C classes, which say their elements.
        spec: Of the recipe.

    Raises:
        InputError: Classes that say no element, or one that was never looked for.
    """
    refuse_other_elements(labels, seen.names)
    rule = Narrowing(spec.agree, 0.0, tuple(label.elements for label in labels.labels))
    if spec.tau is not None:
        return Narrowing(spec.agree, spec.tau, rule.shows)
    lost = np.sort(seen.sureness[~rule.kept(seen)[np.arange(len(truth)), truth]])[::-1]
    allowed = int((1 - spec.recall) * len(truth) + 1e-9)
    tau = 0.0 if len(lost) <= allowed else float(np.nextafter(lost[allowed], np.inf))
    return Narrowing(spec.agree, tau, rule.shows)


def refuse_other_elements(labels: LabelSpace, known: Sequence[str]) -> None:
    """Refuse classes whose elements are not among those that are looked for.

    Raises:
        InputError: With the nearest of them; or no class says an element.
    """
    if not labels.elements:
        mend = "name a label file in data.labels whose classes say their `elements`"
        raise InputError("has no effect: no class says which elements it shows", setting=SETTING, mend=mend)
    for name in labels.elements:
        if name not in known:
            what = f"classes show {name!r}, which data.elements.run does not look for"
            raise InputError(what, setting=SETTING, nearest=nearest_name(name, known))


def masked(probabilities: Floats, kept: Bools) -> Floats:
    """(N, C) probabilities among the classes that are kept, each row summing to 1; those of the others are 0.

    A row in which all that is kept has probability 0 is spread over it evenly.
    """
    refuse_not_finite(probabilities=probabilities)
    left = np.where(kept, probabilities, 0.0)
    sums = left.sum(axis=1, keepdims=True)
    even = kept / kept.sum(axis=1, keepdims=True)
    return np.where(sums > 0, left / np.where(sums > 0, sums, 1), even)
