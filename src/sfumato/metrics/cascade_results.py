"""Everything that is measured of a cascade on one set of samples, each figure with its interval."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sfumato.errors import InputError
from sfumato.metrics.blame import Ended
from sfumato.metrics.intervals import Interval
from sfumato.metrics.multilabel_results import AnyResults, results_from_dict
from sfumato.metrics.paired import McNemar
from sfumato.metrics.results import Results
from sfumato.stored import read_stored, stored


@stored
@dataclass(frozen=True)
class Spent:
    """What one stage costs."""

    looked: int
    """Samples that it looks at in the cascade."""
    seconds_each: float
    """A sample, measured over all that it was asked of here; decoding is not in it."""

    @property
    def seconds(self) -> float:
        """In the cascade, for all it looks at."""
        return self.looked * self.seconds_each


@dataclass(frozen=True)
class CascadeResults:
    """Figures of N samples."""

    samples: int
    whole: Results
    """Of the answers as they come out: the products, and where there is a gate the class of what is stopped."""
    stages: Mapping[str, AnyResults]
    """Stage -> its own figures: of the gate at the cascade's threshold, of all samples; of the others on the samples
    with a product or with known elements, whether or not the gate lets them through."""
    ends: Mapping[str, Ended]
    """As `metrics.blame.ENDS`."""
    spent: Mapping[str, Spent]
    """Stage -> what it costs; `decoding` too."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "samples": self.samples,
            "whole": self.whole.to_dict(),
            "stages": {role: one.to_dict() for role, one in self.stages.items()},
            "ends": {name: one.to_dict() for name, one in self.ends.items()},
            "spent": {role: asdict(one) for role, one in self.spent.items()},
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "CascadeResults":
        """Read what `to_dict` made; `where` names it in errors."""
        try:
            return cls(
                int(document["samples"]),
                Results.from_dict(document["whole"], where),
                {role: results_from_dict(one, where) for role, one in document["stages"].items()},
                {name: read_stored(Ended, one, "an end", where) for name, one in document["ends"].items()},
                {role: read_stored(Spent, one, "a cost", where) for role, one in document["spent"].items()},
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise InputError(f"not results of a cascade: {error}", where=where) from None


@stored
@dataclass(frozen=True)
class FlatComparison:
    """One classifier over all products and what is stopped, beside the cascade on the same samples."""

    name: str
    results: Results
    """Of the flat classifier."""
    accuracy: Interval
    """How much more of the samples the cascade ends right; what is withheld is right of neither. Paired."""
    macro_f1: Interval
    """The same of macro-F1, of answers whether withheld or not."""
    mcnemar: McNemar
    """Of samples that end right with the cascade alone, and with the flat classifier alone."""
    seconds_each: float
    """A sample, decoding in it."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "FlatComparison":
        """Read what `to_dict` made; `where` names it in errors."""
        return read_stored(cls, document, "a comparison", where)
