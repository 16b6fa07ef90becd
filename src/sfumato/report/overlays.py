"""Pictures with what speaks for an answer laid over them: computed from a bundle, a bounded number of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from sfumato.data.images import BadImageError, Pixels, decode
from sfumato.predict.explainer import Explainer
from sfumato.report import thumbnails
from sfumato.report.frames import Mistake
from sfumato.report.laid_over import laid_over
from sfumato.report.measurement import ShownMistake

AT_ONCE = 8
"""Pictures computed together."""


def overlays(
    explainer: Explainer, mistakes: Sequence[Mistake], places: Mapping[str, str | None], task: str = ""
) -> dict[str, str]:
    """Id of a sample -> its picture as the network sees it with the map laid over, as JPEG data URI.

    Pictures that can't be read any more have none, nor have any where the network has no map after all.
    """
    found: dict[str, str] = {}
    readable = [(one, pixels) for one in mistakes if (pixels := read_pixels(places.get(one.id))) is not None]
    for begin in range(0, len(readable), AT_ONCE):
        found |= _some(explainer, readable[begin : begin + AT_ONCE], task)
    return found


def _some(explainer: Explainer, readable: Sequence[tuple[Mistake, Pixels]], task: str) -> dict[str, str]:
    images = torch.stack([explainer.preprocess(pixels) for _, pixels in readable])
    maps = explainer.maps(images, [one.asked for one, _ in readable], task)
    if maps is None:
        return {}
    seen = images.permute(0, 2, 3, 1).numpy()
    return {
        one.id: thumbnails.of_pixels(laid_over(picture, places))
        for (one, _), picture, places in zip(readable, seen, maps, strict=True)
    }


def explained(
    mistakes: list[ShownMistake], explainer: Explainer | None, places: Mapping[str, str | None], task: str
) -> list[ShownMistake]:
    """Mistakes with what spoke for their answers laid over the pictures, where that is known.

    Args:
        mistakes: Of one task.
        explainer: None = nothing is known.
        places: Id of a sample -> address of its picture.
        task: Name of the task, of several.
    """
    if explainer is None:
        return mistakes
    found = overlays(explainer, [one.mistake for one in mistakes], places, task)
    return [replace(one, overlay=found.get(one.mistake.id)) for one in mistakes]


def read_pixels(address: str | None) -> Pixels | None:
    """The picture at an address; None where there is none, or it can't be read any more."""
    try:
        return None if address is None else decode(address)
    except BadImageError:
        return None
