"""Pictures with what speaks for an answer laid over them: computed from a bundle, a bounded number of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from sfumato.bundle.ensemble import AnyBundle
from sfumato.bundle.folder import MANIFEST, Bundle, read_bundle
from sfumato.data.images import BadImageError, Pixels, decode
from sfumato.data.preprocess import Preprocess
from sfumato.models.grad_cam import class_maps, has_maps
from sfumato.models.network import Network
from sfumato.predict.networks import build_networks
from sfumato.report import thumbnails
from sfumato.report.frames import Mistake
from sfumato.report.measurement import ShownMistake
from sfumato.tasks import TaskLayout

AT_ONCE = 8
"""Pictures computed together."""
TINT = (222, 120, 28)
"""What the most telling places are tinted with: seen on grey and on colours, by day and by night."""
STRENGTH = 0.75
"""Opacity of the tint at the most telling place."""


@dataclass(frozen=True)
class Explainer:
    """A network that can be asked what spoke for a class."""

    network: Network
    preprocess: Preprocess
    layout: TaskLayout

    def overlays(self, mistakes: Sequence[Mistake], places: Mapping[str, str | None], task: str = "") -> dict[str, str]:
        """Id of a sample -> its picture as the network sees it with the map laid over, as JPEG data URI.

        Pictures that can't be read any more have none, nor have any where the network has no map after all.
        """
        found: dict[str, str] = {}
        readable = [(one, pixels) for one in mistakes if (pixels := read_pixels(places.get(one.id))) is not None]
        for begin in range(0, len(readable), AT_ONCE):
            found |= self._some(readable[begin : begin + AT_ONCE], task)
        return found

    def _some(self, readable: Sequence[tuple[Mistake, Pixels]], task: str) -> dict[str, str]:
        images = torch.stack([self.preprocess(pixels) for _, pixels in readable])
        asked, among = [one.asked for one, _ in readable], self.layout.slices[task]
        maps = class_maps(self.network, images, asked, among, several=self.layout.multilabel)
        if maps is None:
            return {}
        seen = images.permute(0, 2, 3, 1).numpy()
        return {
            one.id: thumbnails.of_pixels(laid_over(picture, places))
            for (one, _), picture, places in zip(readable, seen, maps.numpy(), strict=True)
        }


def read_explainer(folder: Path) -> Explainer | None:
    """What the weights of a bundle in a folder can explain; None where they can't, or where there is none.

    Raises:
        InputError: The bundle is damaged.
    """
    return explainer_of(read_bundle(folder), str(folder)) if (folder / MANIFEST).is_file() else None


def explainer_of(bundle: AnyBundle, where: str) -> Explainer | None:
    """What a bundle's network can explain, of several the first; None where it can't, or each is a bundle of its own.

    Args:
        bundle: As it was read.
        where: Names it in errors.
    """
    if not isinstance(bundle, Bundle):
        return None
    preprocess = Preprocess.from_dict(bundle.transform, f"{where}/transform.json")
    network = build_networks(replace(bundle, members=bundle.members[:1]), preprocess, where)[0]
    return Explainer(network, preprocess, bundle.tasks) if has_maps(network) else None


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
    found = explainer.overlays([one.mistake for one in mistakes], places, task)
    return [replace(one, overlay=found.get(one.mistake.id)) for one in mistakes]


def laid_over(pixels: Pixels, places: NDArray[np.float32]) -> Pixels:
    """A picture in grey, tinted where places speak for the class.

    Args:
        pixels: (H, W, 3) uint8.
        places: (h, w) from 0 to 1, of the whole picture.
    """
    height, width = pixels.shape[:2]
    wide = Image.fromarray(places, mode="F").resize((width, height), Image.Resampling.BICUBIC)
    opacity = STRENGTH * np.clip(np.asarray(wide), 0, 1)[:, :, None]
    grey = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    mixed = (1 - opacity) * grey[:, :, None] + opacity * np.array(TINT, dtype=np.float32)
    return mixed.round().clip(0, 255).astype(np.uint8)


def read_pixels(address: str | None) -> Pixels | None:
    """The picture at an address; None where there is none, or it can't be read any more."""
    try:
        return None if address is None else decode(address)
    except BadImageError:
        return None
