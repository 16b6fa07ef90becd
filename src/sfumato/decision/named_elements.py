"""What a policy of several classes a picture names, in words, as a later stage reads them."""

import numpy as np
from numpy.typing import NDArray

from sfumato.element_words import Element, written
from sfumato.metrics.finite import refuse_not_finite


def element_words(
    labels: tuple[str, ...], named: NDArray[np.bool_], probabilities: NDArray[np.floating], sure: float
) -> list[str]:
    """N texts of elements, the likeliest first: the same while training and for what a bundle says of new pictures.

    Args:
        labels: The C elements.
        named: (N, C) whether each is named.
        probabilities: (N, C) of each.
        sure: Probability below which one that is named is marked as uncertain.

    Raises:
        InputError: A probability is not finite.
    """
    refuse_not_finite(probabilities=probabilities)
    found: list[str] = []
    for row, of_row in zip(named, probabilities, strict=True):
        order = sorted(np.flatnonzero(row).tolist(), key=lambda place: -float(of_row[place]))
        found.append(written([Element(labels[place], bool(of_row[place] >= sure)) for place in order]))
    return found


def with_words(words: str, text: str) -> str:
    """A sample's text with the words of its elements before it."""
    return f"{words} {text}".strip()
