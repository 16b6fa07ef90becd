"""What the networks of a bundle look at: pictures, texts, or both."""

from collections.abc import Sequence
from typing import NamedTuple

from sfumato.bundle.ensemble import AnyBundle, Ensemble
from sfumato.models.family import reads_texts
from sfumato.predict.building import read_spec


class Senses(NamedTuple):
    """Of one bundle."""

    pictures: bool
    texts: bool


def senses(bundle: AnyBundle, where: str = "bundle") -> Senses:
    """Of a bundle; of an ensemble what any member looks at. `where` names it in errors."""
    if isinstance(bundle, Ensemble):
        each = [senses(one, f"{where}/members/{place}") for place, one in enumerate(bundle.members)]
        return Senses(any(one.pictures for one in each), any(one.texts for one in each))
    spec = read_spec(bundle, where)
    return Senses(spec.pictures != "none", reads_texts(spec))


def alike(bundles: Sequence[AnyBundle]) -> bool:
    """Whether what one of them can look at, all can."""
    return len({senses(one) for one in bundles}) == 1
