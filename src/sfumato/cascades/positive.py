"""Which of the gate's two classes goes on, and whether its labels agree with those of the products."""

from typing import NamedTuple

import numpy as np

from sfumato.cascades.samples import Samples
from sfumato.cascades.stage import Stage
from sfumato.errors import InputError, nearest_name
from sfumato.predictions import UNKNOWN


class GoingOn(NamedTuple):
    """The class that goes on."""

    name: str
    reason: str | None
    """Why it was chosen; None = a person named it."""


def going_on(gate: Stage, products: Stage, samples: Samples, asked: str | None) -> GoingOn:
    """The class asked for, or that of the samples that have a product.

    Raises:
        InputError: No such class; samples of both classes have a product, or none has; the class that is stopped is
            named as a product is.
    """
    names = gate.bundle.labels.names
    if asked is not None and asked not in names:
        near = nearest_name(asked, names)
        raise InputError(f"no class {asked!r}", where="--positive", expected=" or ".join(names), nearest=near)
    sides, has = samples.truth["gate"], samples.truth["products"] != UNKNOWN
    counts = np.bincount(sides[has & (sides != UNKNOWN)], minlength=2).tolist()
    place = names.index(asked) if asked is not None else int(np.argmax(counts))
    _refuse_contradiction(names, place, samples)
    if not sum(counts):
        raise InputError("no sample of the gate's has a product", where=gate.given, mend="other samples by --data")
    if names[1 - place] in products.bundle.labels.names:
        what = f"the class {names[1 - place]!r} of what is stopped is a product's name too"
        raise InputError(what, where=gate.given, expected="names that tell them apart")
    return GoingOn(names[place], None if asked else f"the {counts[place]} samples that have a product are of it")


def _refuse_contradiction(names: tuple[str, ...], place: int, samples: Samples) -> None:
    """A sample that should be stopped can't have a product."""
    odd = np.flatnonzero((samples.truth["gate"] == 1 - place) & (samples.truth["products"] != UNKNOWN))
    if len(odd):
        at = samples.table.ids[int(odd[0])]
        what = f"sample {at!r} has a product, and is {names[1 - place]!r}, whose pictures are stopped"
        expected = f"products of {names[place]!r} alone"
        raise InputError(
            what, where=samples.table.source or None, expected=expected, mend="or --positive names the other class"
        )
