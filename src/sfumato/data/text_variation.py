"""Texts of training samples said in other ways: elements left out and in another order, hours in other forms."""

import re
from typing import Annotated

import numpy as np
from pydantic import Field

from sfumato.element_words import Element, find, written
from sfumato.spec import Spec

_HOURS = re.compile(r"(\d+)\s*(?:小时|-hr|hrs?|h|hours?)(?![A-Za-z])")
FORMS = ("{}小时", "{}h", "{}-hr")
"""How a number of hours is written."""


class TextVariationSpec(Spec):
    """What may happen to a training text at full strength; the timeline's `augment` scales the shares."""

    drop: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Chance of each element that stands in the text to be left out."""
    shuffle: bool = True
    """Whether elements stand in any order."""
    hours: bool = True
    """Whether numbers of hours change their form: 24小时, 24h, 24-hr."""


def varied(text: str, spec: TextVariationSpec, strength: float, rng: np.random.Generator) -> str:
    """The text in one of its forms; a function of the generator alone.

    Args:
        text: Of a sample.
        spec: What may happen.
        strength: 0 = nothing, to 1.
        rng: Of the sample and its draw.
    """
    if strength == 0 or not text:
        return text
    said = find(text)
    if said is not None:
        elements, before, behind = said
        text = before + written(_some(elements, spec, strength, rng)) + behind
    return _HOURS.sub(lambda match: FORMS[rng.integers(len(FORMS))].format(match[1]), text) if spec.hours else text


def _some(elements: list[Element], spec: TextVariationSpec, strength: float, rng: np.random.Generator) -> list[Element]:
    kept = [element for element in elements if rng.random() >= spec.drop * strength]
    return [kept[place] for place in rng.permutation(len(kept))] if spec.shuffle else kept
