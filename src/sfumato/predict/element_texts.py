"""Element words for new pictures, by a bundle that finds elements: in the form that another bundle was trained with."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np

from sfumato.bundle.ensemble import AnyBundle, Ensemble
from sfumato.bundle.folder import Bundle
from sfumato.decision.narrowing import SeenElements
from sfumato.document import parse_document
from sfumato.element_words import Element, find, refuse_name, written
from sfumato.errors import InputError
from sfumato.predict.decisions import Decision
from sfumato.predict.inputs import Input, WithText
from sfumato.predict.predictor import BATCH, Predictor


def reads_words(bundle: AnyBundle, where: str) -> bool:
    """Whether a bundle was trained with element words in its texts; `where` names it in errors."""
    return any(_sure(one, where) is not None for one in _alone(bundle))


def without_words(inputs: Iterable[Input]) -> int:
    """How many inputs have no element words in their texts."""
    return sum(find(one.text if isinstance(one, WithText) else "") is None for one in inputs)


def sure_of(bundle: AnyBundle, where: str) -> float:
    """Probability below which the element words that a bundle was trained with were marked as uncertain.

    Args:
        bundle: Read by `read_any`; of an ensemble all members must agree.
        where: Names the bundle in errors.

    Raises:
        InputError: It was trained without element words, or its members with others.
    """
    found = {_sure(one, where) for one in _alone(bundle)}
    if found == {None}:
        what, expected = "was trained without element words", "a run with data.elements"
        raise InputError(what, where=where, expected=expected, mend="leave out --elements")
    if len(found) > 1:
        raise InputError("its members were trained with different element words", where=where)
    return cast(float, found.pop())


def check_elements(elements: Predictor, where: str) -> None:
    """Refuse a bundle that does not find elements; `where` names it in errors.

    Raises:
        InputError: It names one class a picture, or has names that can't be written as elements.
    """
    if not elements.tasks.multilabel:
        what, expected = "names one class a picture, and a picture has several elements", "a bundle of several classes"
        raise InputError(what, where=where, expected=expected)
    for name in elements.labels.names:
        if (why := refuse_name(name)) is not None:
            raise InputError(f"the element {name!r} {why}", where=where)


def with_element_words(inputs: Iterable[Input], elements: Predictor, sure: float) -> Iterator[WithText]:
    """The same inputs in order, the elements found in each standing before its text; read in batches.

    A picture that can't be read has no element that is known, and its words say so. Words that a text holds already
    stay, and none are added. Each input carries what was found, by which a bundle may narrow its candidates.

    Args:
        inputs: As `Predictor.stream` takes them.
        elements: That `check_elements` took.
        sure: Probability below which one that is named is marked as uncertain.
    """
    iterator = iter(inputs)
    while chunk := list(islice(iterator, BATCH)):
        for source, said in zip(chunk, elements.predict(chunk), strict=True):
            yield _worded(source, said, sure)


def _worded(source: Input, said: Decision, sure: float) -> WithText:
    own = source if isinstance(source, WithText) else WithText(source, "")
    own = own._replace(elements=_seen(said))
    if find(own.text) is not None:
        return own
    named = [Element(name, said.probabilities[name] >= sure) for name in said.labels or ()]
    return own._replace(text=f"{written(named)} {own.text}".strip())


def _seen(said: Decision) -> SeenElements | None:
    """What was found, by which candidates may be narrowed; None of a picture that can't be read."""
    if said.labels is None:
        return None
    names, chances = tuple(said.probabilities), list(said.probabilities.values())
    return SeenElements(names, np.array([[name in said.labels for name in names]]), np.array([chances]))


def _alone(bundle: AnyBundle) -> list[Bundle]:
    """The bundles of single runs that it is made of."""
    if not isinstance(bundle, Ensemble):
        return [bundle]
    return [one for member in bundle.members for one in _alone(member)]


def _sure(bundle: Bundle, where: str) -> float | None:
    data = parse_document(bundle.recipe, f"{where}/recipe.yaml", Path()).settings.get("data")
    spec = cast(dict[str, Any], data).get("elements") if isinstance(data, dict) else None
    return None if spec is None else float(cast(dict[str, Any], spec)["sure"])
