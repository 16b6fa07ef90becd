"""Whether stages fit together: what one tells the next, and what all of them look at."""

from collections.abc import Mapping
from typing import cast

from sfumato.bundle.cascade import Role
from sfumato.cascades.stage import NAMES, Stage
from sfumato.data.preprocess import Preprocess
from sfumato.element_words import refuse_name
from sfumato.errors import InputError, nearest_name
from sfumato.predict.building import read_spec
from sfumato.predict.element_texts import reads_words, sure_of

Stages = Mapping[Role, Stage]


def sureness_told(stages: Stages) -> float | None:
    """Probability below which the last stage was told that an element is uncertain; None = it was told none.

    Raises:
        InputError: It was told elements, and no stage names any, or others than it knows.
    """
    products, elements = stages["products"], stages.get("elements")
    if not reads_words(products.bundle, products.given):
        return None
    if elements is None:
        what = "was trained on element words (data.elements), and no stage names any"
        raise InputError(what, where=products.given, expected=f"{NAMES['elements']} before it")
    _refuse_other_elements(elements, products)
    return sure_of(products.bundle, products.given)


def refuse_unlike(stages: Stages) -> None:
    """Refuse stages that would look at different pictures of one input, or at more of a picture than others.

    Sizes and colours are each stage's own: it is what of a picture is seen at all that must be the same, or one stage
    would be asked about what another has cut off.

    Raises:
        InputError: They do.
    """
    uses = {role: {read_spec(leaf, one.given).pictures for leaf in one.leaves} for role, one in stages.items()}
    several = [role for role, use in uses.items() if "mean_pool" in use]
    single = [role for role, use in uses.items() if use & {"first", "random"}]
    if several and single:
        what = f"looks at all pictures of an input, and {NAMES[single[0]]} at the first"
        raise InputError(what, where=stages[several[0]].given, expected="the same model.pictures in all stages")
    fits = {role: _fit(one) for role, one in stages.items()}
    first = next(iter(fits))
    for role, fit in fits.items():
        if fit != fits[first]:
            what = f"is shown pictures by preprocess.fit: {fit}, and {NAMES[first]} by {fits[first]}"
            raise InputError(what, where=stages[role].given, expected="the same preprocess.fit in all stages")


def _fit(stage: Stage) -> str:
    return Preprocess.from_dict(stage.leaves[0].transform, f"{stage.given}/transform.json").fit


def _refuse_other_elements(elements: Stage, products: Stage) -> None:
    """The words that are written must be those that were read while training, no other and no fewer."""
    names = elements.bundle.labels.names
    for name in names:
        if (why := refuse_name(name)) is not None:
            raise InputError(f"the element {name!r} {why}", where=elements.given)
    known = known_elements(products)
    for name in names if known is not None else ():
        if name not in cast(tuple[str, ...], known):
            near = nearest_name(name, known or ())
            what = f"names the element {name!r}, which {products.given} was not trained on"
            raise InputError(what, where=elements.given, expected="the elements of its data.elements", nearest=near)
    lacking = [name for name in known or () if name not in names]
    if lacking:
        what = f"can't name the element {lacking[0]!r}, which {products.given} was trained on"
        raise InputError(what, where=elements.given, expected="the elements of its data.elements")


def known_elements(products: Stage) -> tuple[str, ...] | None:
    """The elements that could stand in the texts it was trained on; None where its bundle does not say."""
    said = [leaf.provenance.get("elements") for leaf in products.leaves]
    if any(one is None for one in said):
        return None
    return tuple(dict.fromkeys(name for one in said for name in cast(list[str], one)))
